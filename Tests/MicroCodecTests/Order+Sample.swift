import FoundationEssentials
import SwiftProtobuf

extension Micro_Test_Order {
    /// An order in which every field is set.
    static var sample: Self {
        var order = Micro_Test_Order()
        order.orderID = "42"
        order.totalCents = 9_007_199_254_740_993
        order.lines = [
            .with {
                $0.product = "tea"; $0.count = 2
            }
        ]
        order.labels = ["colour": "grün"]
        order.signature = Data([0, 0xFF, 0x80])
        order.state = .shipped
        order.parentOrder = .with { $0.orderID = "41" }
        return order
    }
}
