// `micro`: the commands and the plugins are those that the manifest links.
import MicroCommands

await MicroProgram.main()
