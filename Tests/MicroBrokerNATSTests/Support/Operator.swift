/// An operator, an account and a user of NATS, made for these tests alone and valid for ever.
enum Operator {
    static let accountKey = "ADDT2IRMMBHJ2Z3EZ4FAW6CURDQ5O2KX3PMIED3HGUI52JWPF3YYLK2N"
    static let userKey = "UBGAL57HYZCAZ7CS4WXUZE4RG3NGOVFAR3BMEHN6SG3RPKJZTJBYUSJ6"
    static let userSeed = "SUAPNLWKBGRTYWPYHTLLT64SPP5CTFX4254E5HVLRDJF36WYWRMVLNN4LE"

    /// The seed of a user whom no server knows.
    static let otherSeed = "SUAA3BN6FAPYGYV4UPOCRB37TGBHP75BOFKEMGA7H2ZS6NYTQPX6ENAEJ4"

    static let operatorJWT =
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Ik9EWEJOV1Z"
        + "HR0pQNTI1WFBYNURJWkgyWU02QjNER1FSQU9GQjNKTUxFWDQ2SU9VWVRFQzNOQ1VLIiwibmFtZSI6InRlc3QiLCJuY"
        + "XRzIjp7InR5cGUiOiJvcGVyYXRvciIsInZlcnNpb24iOjJ9LCJzdWIiOiJPRFhCTldWR0dKUDUyNVhQWDVESVpIMll"
        + "NNkIzREdRUkFPRkIzSk1MRVg0NklPVVlURUMzTkNVSyIsImp0aSI6IlhWRFFKTElGRDVaQ1lIVjMzQTZVVUpETU02M"
        + "k1PT1RSTjZUS1BMUVI0WlBIVk1YTExZN1EifQ.zQpOFKLANX8rfBQungm7RJUu2abwuHK5p1DYKm892Hcp92mu7mzJ"
        + "UUQ9ux_iRrn0Is7r7Idpm3x7wJgUDoKjBw"

    static let accountJWT =
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Ik9EWEJOV1Z"
        + "HR0pQNTI1WFBYNURJWkgyWU02QjNER1FSQU9GQjNKTUxFWDQ2SU9VWVRFQzNOQ1VLIiwibmFtZSI6InRlc3QiLCJuY"
        + "XRzIjp7ImxpbWl0cyI6eyJzdWJzIjotMSwiZGF0YSI6LTEsInBheWxvYWQiOi0xLCJpbXBvcnRzIjotMSwiZXhwb3J"
        + "0cyI6LTEsIndpbGRjYXJkcyI6dHJ1ZSwiY29ubiI6LTEsImxlYWYiOi0xfSwiZGVmYXVsdF9wZXJtaXNzaW9ucyI6e"
        + "yJwdWIiOnt9LCJzdWIiOnt9fSwidHlwZSI6ImFjY291bnQiLCJ2ZXJzaW9uIjoyfSwic3ViIjoiQUREVDJJUk1NQkh"
        + "KMlozRVo0RkFXNkNVUkRRNU8yS1gzUE1JRUQzSEdVSTUySldQRjNZWUxLMk4iLCJqdGkiOiJKVlVZN01IUkxCNlZIR"
        + "EhaU1NGTlVMUEdTTVhISElORDZMVE9KUTRSSkRGNlFURzM2VkJBIn0.3kH2FHnMQEWU4ZLW-Nlxl_0RohXtt9Ru-9S"
        + "9tS-WJW8_al3cMlhxEeNIM69S62EjgVrUvbKY-4tF498qRN9WAQ"

    private static let userJWT =
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IkFERFQySVJ"
        + "NTUJISjJaM0VaNEZBVzZDVVJEUTVPMktYM1BNSUVEM0hHVUk1MkpXUEYzWVlMSzJOIiwibmFtZSI6InRlc3QiLCJuY"
        + "XRzIjp7InB1YiI6e30sInN1YiI6e30sInN1YnMiOi0xLCJkYXRhIjotMSwicGF5bG9hZCI6LTEsInR5cGUiOiJ1c2V"
        + "yIiwidmVyc2lvbiI6Mn0sInN1YiI6IlVCR0FMNTdIWVpDQVo3Q1M0V1hVWkU0UkczTkdPVkZBUjNCTUVITjZTRzNSU"
        + "EtKWlRKQllVU0o2IiwianRpIjoiNVE3MkI0VFJEUlE2V1BGU0NZMlZQRUQzN0JMQ1JUR0JIUzNUUEs0RU9XWVkzTlh"
        + "MUEVYUSJ9.tysKxDguq1r-eDtHgJTHWRfgNeJWurR95SgyGynyjX6EM86o5K0w-p8PiN3xYevzvLIqc1P_IRymvlMx"
        + "nZx0DA"

    /// The user's credentials as `nsc` writes them.
    static let credentials = """
        -----BEGIN NATS USER JWT-----
        \(userJWT)
        ------END NATS USER JWT------

        ************************* IMPORTANT *************************
        NKEY Seed printed below can be used to sign and prove identity.
        NKEYs are sensitive and should be treated as secrets.

        -----BEGIN USER NKEY SEED-----
        \(userSeed)
        ------END USER NKEY SEED------

        *************************************************************
        """
}
