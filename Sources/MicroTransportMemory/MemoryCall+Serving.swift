import MicroCore

extension MemoryCall {
    /// Runs the call's handler, and ends the call when it returns or the deadline passes.
    func serve(_ acceptance: CallDecision) async {
        guard let deadline = head.deadline else { return await answer(acceptance) }
        await withTaskGroup { group in
            group.addTask {
                guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
                self.reset(MicroError(.deadlineExceeded, "The deadline of \(self.head.path) has passed."))
            }
            await answer(acceptance)
            group.cancelAll()
        }
    }

    private func answer(_ acceptance: CallDecision) async {
        do throws(MicroError) {
            switch acceptance {
            case .unary(let run, _):
                let reply = try await run(head, try await firstMessage())
                try answer(with: reply.metadata)
                try await answer(with: reply.message)
                end(.success(reply.trailingMetadata))
            case .serverStream(let run, _):
                let message = try await firstMessage()
                end(.success(try await run(head, message, MemoryServerCallStream(call: self))))
            case .stream(let run, _):
                end(.success(try await run(head, MemoryServerCallStream(call: self))))
            case .refuse(let error): throw error
            }
        } catch {
            end(.failure(error))
        }
    }

    private func firstMessage() async throws(MicroError) -> EncodedMessage {
        guard let message = try await requests.receive(onCancel: requests.interruptReader) else {
            throw MicroError(
                .unimplemented, "\(head.path) takes one message, and the request has ended without.")
        }
        return message
    }
}

/// A call as its handler sees it.
struct MemoryServerCallStream: ServerCallStream {
    let call: MemoryCall

    func receive() async throws(MicroError) -> EncodedMessage? {
        try await call.requests.receive(onCancel: call.requests.interruptReader)
    }

    func send(_ message: EncodedMessage) async throws(MicroError) { try await call.answer(with: message) }

    func sendMetadata(_ metadata: Metadata) async throws(MicroError) {
        try call.answer(with: metadata)
    }
}
