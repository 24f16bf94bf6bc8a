// `micro` with the commands and plugins of this package.
import MicroCommands

await MicroProgram.main()
