internal import ArgumentParser

/// The command `micro`.
@main
struct MicroCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "micro",
        abstract: "Finds microservices, looks at them and calls them.",
        discussion: """
            A service that runs on this network announces itself, so these work
            without any set-up:

              micro services
              micro get service greeter
              micro call greeter Greeter.Hello '{"name": "John"}'

            'micro COMMAND --help' tells more of a command.

            ENVIRONMENT:
              MICRO_REGISTRY           where services are found: mdns, the default,
                                       or another that 'micro plugins' lists
              MICRO_REGISTRY_ADDRESS   the registry's servers, with commas
              MICRO_REGISTRY_TIMEOUT   how long mDNS waits for answers: 100ms
              MICRO_REGISTRY_INTERFACES
                                       network interfaces that mDNS uses: all
              MICRO_SELECTOR           which node is called: random, the default,
                                       or roundrobin
              MICRO_CLIENT_REQUEST_TIMEOUT
                                       how long a call may take: 5s
              MICRO_CLIENT_RETRIES     how often a failed call is repeated: 1
              MICRO_PROXY              a service, or host:port, to call in place
                                       of all others
              MICRO_TLS_CA, MICRO_TLS_CERT, MICRO_TLS_KEY
                                       PEM files: whom to trust, and who we are
              MICRO_CONFIG_FILE        a JSON file with such settings
              MICRO_LOG_LEVEL          what is logged to standard error: error,
                                       warning, notice, info, debug or trace;
                                       nothing by default
            An option goes before a variable, and a variable before the file.

            EXIT STATUS:
              0  success                    5  the service has no such method
              1  timed out                 64  wrong usage
              2  not authorised           127  another error of the call or of
              3  malformed method name         the configuration
              4  service not found, or    128  anything else
                 not reachable            130  stopped by Ctrl-C

            COMPLETION:
              micro --generate-completion-script bash \\
                > ~/.local/share/bash-completion/completions/micro
              zsh and fish work as well. Names of services are completed, too.
            """,
        version: ToolVersion.text,
        subcommands: [
            ServicesCommand.self, ListCommand.self, GetCommand.self, CallCommand.self, StreamCommand.self,
            HealthCommand.self, StatsCommand.self, LogsCommand.self, PluginsCommand.self, VersionCommand.self,
        ])

    // Here as well as in each command, so that the options may stand before the command.
    @OptionGroup var global: GlobalOptions
}
