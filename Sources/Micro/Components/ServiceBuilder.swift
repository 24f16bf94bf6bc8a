/// Collects what a service is made of, with `if`, `for` and `switch` where they are needed.
@resultBuilder
public enum ServiceBuilder {
    /// Takes one component.
    public static func buildExpression(_ component: some ServiceComponent) -> [any ServiceComponent] {
        [component]
    }

    /// Takes an array of components.
    public static func buildExpression(_ components: [any ServiceComponent]) -> [any ServiceComponent] {
        components
    }

    /// Takes an array of components of one type.
    public static func buildExpression<Component: ServiceComponent>(
        _ components: [Component]
    ) -> [any ServiceComponent] {
        components
    }

    /// Joins what the statements of a block contribute.
    public static func buildBlock(_ components: [any ServiceComponent]...) -> [any ServiceComponent] {
        components.flatMap(\.self)
    }

    /// Takes what an `if` contributes.
    public static func buildOptional(_ components: [any ServiceComponent]?) -> [any ServiceComponent] {
        components ?? []
    }

    /// Takes what the first branch contributes.
    public static func buildEither(first components: [any ServiceComponent]) -> [any ServiceComponent] {
        components
    }

    /// Takes what the second branch contributes.
    public static func buildEither(second components: [any ServiceComponent]) -> [any ServiceComponent] {
        components
    }

    /// Joins what the turns of a loop contribute.
    public static func buildArray(_ components: [[any ServiceComponent]]) -> [any ServiceComponent] {
        components.flatMap(\.self)
    }

    /// Takes what a block under `if #available` contributes.
    public static func buildLimitedAvailability(
        _ components: [any ServiceComponent]
    ) -> [any ServiceComponent] {
        components
    }
}
