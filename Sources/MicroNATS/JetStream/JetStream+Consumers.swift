internal import MicroCore

/// Consumers, which hand out what a stream keeps.
extension JetStream {
    /// Makes a durable pull consumer, or does nothing if there is one of the same configuration.
    ///
    /// Servers before 2.10 change one that is there; ``ensureConsumer(_:of:)`` looks first.
    ///
    /// - Parameters:
    ///   - configuration: The consumer.
    ///   - stream: The stream.
    /// - Returns: What is known of it.
    /// - Throws: A ``NATSError``.
    @discardableResult
    public func createConsumer(
        _ configuration: ConsumerConfiguration, of stream: String
    ) async throws(NATSError) -> ConsumerInfo {
        try await make(configuration, of: stream)
    }

    /// Sees to it that there is a durable pull consumer that hands out the messages of a subject.
    ///
    /// One that is there for the same subject gets the configuration, but goes on where it is.
    ///
    /// - Parameters:
    ///   - configuration: The consumer.
    ///   - stream: The stream.
    /// - Returns: What is known of it.
    /// - Throws: A ``NATSError`` with the code `jetStream` if there is one of the name for other subjects, which
    ///   is left as it is.
    @discardableResult
    public func ensureConsumer(
        _ configuration: ConsumerConfiguration, of stream: String
    ) async throws(NATSError) -> ConsumerInfo {
        guard let existing = try await consumer(configuration.durableName, of: stream) else {
            do throws(NATSError) {
                return try await createConsumer(configuration, of: stream)
            } catch {
                // Somebody else was faster.
                guard error.apiCode == Self.consumerExists,
                    let existing = try await consumer(configuration.durableName, of: stream)
                else { throw error }
                return try await update(existing, to: configuration, of: stream)
            }
        }
        return try await update(existing, to: configuration, of: stream)
    }

    private static let consumerExists = 10148

    private func update(
        _ existing: ConsumerInfo, to configuration: ConsumerConfiguration, of stream: String
    ) async throws(NATSError) -> ConsumerInfo {
        let wanted = configuration.filterSubject.map { [$0] } ?? []
        guard existing.filterSubjects == wanted else {
            throw NATSError(
                .jetStream,
                "The consumer \(configuration.durableName) of the stream \(stream) hands out \(Self.text(existing.filterSubjects)), "
                    + "not \(Self.text(wanted)), and is left as it is. Choose another name, or remove it.")
        }
        return try await make(configuration, of: stream, existing: existing)
    }

    private static func text(_ subjects: [String]) -> String {
        subjects.isEmpty ? "everything" : subjects.joined(separator: ", ").printable()
    }

    private func make(
        _ configuration: ConsumerConfiguration, of stream: String, existing: ConsumerInfo? = nil
    ) async throws(NATSError) -> ConsumerInfo {
        let name = try Self.checked(configuration.durableName)
        return try await call(
            "CONSUMER.DURABLE.CREATE.\(try Self.checked(stream)).\(name)",
            ConsumerRequest(configuration, stream: stream, existing: existing))
    }

    /// Returns what is known of a consumer.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - stream: The stream.
    /// - Returns: What is known of it; `nil` if it isn't there.
    /// - Throws: A ``NATSError``.
    public func consumer(_ name: String, of stream: String) async throws(NATSError) -> ConsumerInfo? {
        do throws(NATSError) {
            return try await call(
                "CONSUMER.INFO.\(try Self.checked(stream)).\(try Self.checked(name))", None())
        } catch {
            guard error.apiCode == 10014 || error.apiCode == 10059 else { throw error }
            return nil
        }
    }

    /// Removes a consumer.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - stream: The stream.
    /// - Throws: A ``NATSError``.
    public func deleteConsumer(_ name: String, of stream: String) async throws(NATSError) {
        let _: None = try await call(
            "CONSUMER.DELETE.\(try Self.checked(stream)).\(try Self.checked(name))", None())
    }
}
