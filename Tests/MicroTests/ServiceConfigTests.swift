import MicroCore
import Testing

@testable import Micro

@Suite("gRPC's service config", .timeLimit(.minutes(2)))
struct ServiceConfigTests {
    private let json = """
        {
          "loadBalancingConfig": [{"round_robin": {}}],
          "methodConfig": [
            {"name": [{}], "timeout": "10s"},
            {"name": [{"service": "greeter.Greeter"}], "timeout": "1.5s", "waitForReady": true},
            {"name": [{"service": "greeter.Greeter", "method": "Hello"}, {"service": "other"}], "retryPolicy": {
              "maxAttempts": 9, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
              "retryableStatusCodes": ["UNAVAILABLE", 10, "aborted"]}},
            {"name": [{"service": "search.Search", "method": "Query"}], "hedgingPolicy": {
              "maxAttempts": 3, "hedgingDelay": "0.05s", "nonFatalStatusCodes": ["UNAVAILABLE"]}}
          ],
          "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
        }
        """

    @Test("methods are found by path, then by the path's service, then by the registered name")
    func names() throws {
        let config = try ServiceConfig(json: json)
        let hello = try #require(config.method(path: "/greeter.Greeter/Hello", service: "greeter"))
        #expect(hello.retry == .on([.unavailable, .aborted], attempts: 5, longestDelay: .seconds(1)))
        #expect(hello.timeout == nil && hello.hedging == nil)
        #expect(
            config.method(path: "/greeter.Greeter/Bye", service: "greeter")?.timeout == .milliseconds(1500))
        #expect(config.method(path: "/a.B/C", service: "other")?.retry != nil)
        #expect(config.method(path: "/a.B/C", service: "a")?.timeout == .seconds(10))
        #expect(
            config.method(path: "/search.Search/Query", service: "search")?.hedging
                == HedgingPolicy(attempts: 3, delay: .milliseconds(50)))
        #expect(config.selector == "roundrobin")
        #expect(config.budget == RetryBudget.Limits(part: 0.1, perSecond: 0, initial: 5))
    }

    @Test(
        "what is wrong or contradicts itself is said, with its place",
        arguments: [
            ("{", "can't be read"),
            ("[]", "can't be read"),
            (#"{"methodConfig": [{"name": [{}], "timeout": 5}]}"#, "methodConfig[0].timeout"),
            (#"{"methodConfig": [{"name": [{}], "timeout": "5m"}]}"#, "methodConfig[0].timeout is \"5m\""),
            (#"{"methodConfig": [{"name": [{}], "timeout": "-1s"}]}"#, "methodConfig[0].timeout"),
            (#"{"methodConfig": [{"name": [{"method": "M"}]}]}"#, "a method without a service"),
            (#"{"methodConfig": [{"name": [{}]}, {"name": [{}]}]}"#, "methodConfig[1].name is there twice"),
            (
                #"{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 1, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [14]}}]}"#,
                "maxAttempts is 1"
            ),
            (
                #"{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "0s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [14]}}]}"#,
                "backoff"
            ),
            (
                #"{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": []}}]}"#,
                "retryableStatusCodes is empty"
            ),
            (
                #"{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": ["BUSY"]}}]}"#,
                "BUSY"
            ),
            (
                #"{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2}, "retryPolicy": {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [14]}}]}"#,
                "Leave one of them out"
            ),
            (#"{"loadBalancingConfig": [{"magic": {}}, {}]}"#, "no policy that is known: magic"),
            (#"{"loadBalancingConfig": [7]}"#, "loadBalancingConfig[0]"),
            (#"{"loadBalancingPolicy": "magic"}"#, "loadBalancingPolicy has no policy"),
            (#"{"retryThrottling": {"maxTokens": 0, "tokenRatio": 0.1}}"#, "retryThrottling"),
        ])
    func refused(json: String, words: String) throws {
        let error = #expect(throws: StartError.self) { _ = try ServiceConfig(json: json) }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test(
        "of its policies of load balancing the first counts that there is a selector for",
        arguments: [
            (
                #""loadBalancingConfig": [{"magic": {"a": 1}}, {"pick_first": {}}, {"round_robin": {}}]"#,
                "sticky"
            ),
            (
                #""loadBalancingConfig": [{"outlier_detection_experimental": {"childPolicy": [{"least_request_experimental": {}}]}}]"#,
                "leastloaded"
            ),
            (#""loadBalancingPolicy": "ROUND_ROBIN""#, "roundrobin"), (#""loadBalancingConfig": []"#, nil),
        ])
    func loadBalancing(json: String, selector: String?) throws {
        #expect(try ServiceConfig(json: "{\(json)}").selector == selector)
    }

    @Test("a file that can't be used ends the start, with its name")
    func file() throws {
        let error = #expect(throws: StartError.self) { _ = try ServiceConfig(file: "/nowhere/config.json") }
        #expect(error?.message.contains("/nowhere/config.json") == true)
        #expect(error?.message.contains("MICRO_CLIENT_SERVICE_CONFIG") == true)
    }
}
