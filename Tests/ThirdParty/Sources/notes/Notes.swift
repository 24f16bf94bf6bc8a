import AcmeStore
import MicroDefaults

/// A service that keeps its notes in a store, calls itself, and ends.
@main
struct Notes {
    struct Note: Codable { var key = "", text = "" }

    static func main() async {
        let service = MicroService("notes") {
            Endpoint("Notes.Write") { (note: Note, context) in
                try await context.part(.store).write(note.key, note.text)
                return note
            }
            Endpoint("Notes.Read") { (note: Note, context) in
                Note(key: note.key, text: try await context.part(.store).read(note.key) ?? "nothing")
            }
        }
        .using(.store)
        for plugin in Plugins.linked.plugins(of: "store") {
            print("\(plugin.role) \(plugin.name) of \(plugin.module)")
        }
        do {
            try await service.withRunning { running in
                let client = running.client
                for key in ["a", "b"] {
                    _ = try await client.call(
                        "notes", "Notes.Write", Note(key: key, text: "text of \(key)"), returning: Note.self)
                }
                let note = try await client.call("notes", "Notes.Read", Note(key: "b"), returning: Note.self)
                print("read: \(note.text)")
            }
        } catch {
            print("failed: \(error)")
        }
    }
}
