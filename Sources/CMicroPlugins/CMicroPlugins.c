#include "CMicroPlugins.h"
