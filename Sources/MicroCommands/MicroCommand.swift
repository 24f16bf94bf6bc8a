internal import ArgumentParser

/// The command `micro`, with all commands that are linked.
struct MicroCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "micro",
            abstract: "Finds microservices, looks at them, calls them and listens to them.",
            discussion: discussion,
            version: ToolVersion.text,
            subcommands: Command.linked(in: ""))
    }

    private static let discussion = """
        A service that runs on this network announces itself, so these work
        without any set-up:

          micro services
          micro get service greeter
          micro call greeter Greeter.Hello '{"name": "John"}'
          micro subscribe greetings

        'micro COMMAND --help' tells more of a command.

        ENVIRONMENT:
          MICRO_REGISTRY           where services are found: mdns, the default,
                                   or another that 'micro plugins' lists
          MICRO_REGISTRY_ADDRESS   the registry's servers, with commas
          MICRO_REGISTRY_TIMEOUT   how long mDNS waits for answers: 100ms
          MICRO_REGISTRY_INTERFACES
                                   network interfaces that mDNS uses: all
          MICRO_BROKER             how events travel: http, the default, or
                                   another that 'micro plugins' lists
          MICRO_BROKER_ADDRESS     the broker's servers, with commas
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
          MICRO_LOG_LEVEL          what is logged to standard error: critical,
                                   error, warning, notice, info, debug or
                                   trace; nothing by default, since a command
                                   tells in a line what went wrong
          MICRO_LOG_FORMAT         how it is logged: text, or json
        An option goes before a variable, and a variable before the file.

        EXIT STATUS:
          0  success                    5  the service has no such method
          1  timed out                 64  wrong usage: an argument, option or
          2  not authorised                request that can't be right
          3  malformed method name    127  another error of the call or of
          4  service not found, or         the configuration
             not reachable            128  anything else
                                      130  stopped by Ctrl-C
        For 'subscribe' and 'logs -f' Ctrl-C is the end, and so success.

        COMPLETION:
          micro --generate-completion-script bash \\
            > ~/.local/share/bash-completion/completions/micro
          zsh and fish work as well. Names of services, endpoints and
          plugins are completed, too.
        """

    // Here as well as in each command, so that the options may stand before the command.
    @OptionGroup var global: GlobalOptions
}
