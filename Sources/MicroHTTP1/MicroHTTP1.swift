internal import MicroCore
