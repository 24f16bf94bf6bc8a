internal import ArgumentParser

/// The command `micro`.
@main
struct MicroCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "micro",
        abstract: "Finds microservices, looks at them and calls them.",
        discussion: """
            A service that runs on this network announces itself, so these work without any set-up:

              micro services
              micro get service greeter
              micro call greeter Greeter.Hello '{"name": "John"}'

            'micro COMMAND --help' tells more of a command.

            ENVIRONMENT:
              MICRO_REGISTRY                where services are found: mdns (the default), or another that
                                            'micro plugins' lists
              MICRO_REGISTRY_ADDRESS        the addresses of the registry's servers, with commas
              MICRO_REGISTRY_TIMEOUT        how long mDNS waits for answers: 100ms
              MICRO_REGISTRY_INTERFACES     the network interfaces that mDNS uses, with commas: all
              MICRO_SELECTOR                which node is called: random (the default) or roundrobin
              MICRO_CLIENT_REQUEST_TIMEOUT  how long a call may take: 5s
              MICRO_CLIENT_RETRIES          how often a call that failed is made again: 1
              MICRO_PROXY                   a service, or host:port, to call in place of all others
              MICRO_TLS_CA, MICRO_TLS_CERT, MICRO_TLS_KEY
                                            PEM files: whom to trust, and who we are
              MICRO_CONFIG_FILE             a JSON file with these settings
              MICRO_LOG_LEVEL               what is logged to standard error: trace, debug, info, notice,
                                            warning, error; nothing by default
            An option on the command line goes before a variable, and a variable before the file.

            EXIT STATUS:
              0 success; 1 timed out; 2 not authorised; 3 malformed method; 4 service not found or not
              reachable; 5 the service has no such method; 64 wrong usage; 127 another error of a call or of
              the configuration; 128 anything else; 130 stopped by Ctrl-C.

            COMPLETION:
              micro --generate-completion-script bash > ~/.local/share/bash-completion/completions/micro
              The same works with zsh and fish. Names of services are completed, too.
            """,
        version: ToolVersion.text,
        subcommands: [
            ServicesCommand.self, ListCommand.self, GetCommand.self, CallCommand.self, StreamCommand.self,
            PluginsCommand.self, VersionCommand.self,
        ])

    // Here as well as in each command, so that the options may stand before the command.
    @OptionGroup var global: GlobalOptions
}
