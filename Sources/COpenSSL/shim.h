// OpenSSL 3 (https://www.openssl.org). Many of its functions are macros, which Swift cannot
// import: those that MicroTLS needs stand here as inline functions of the same meaning.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline int micro_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline void micro_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_mode(context, mode);
}

static inline void micro_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int micro_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void micro_SSL_CTX_forbid(SSL_CTX *context, int tickets) {
    uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_SSLv3;
    SSL_CTX_set_options(context, tickets ? options | SSL_OP_NO_TICKET : options);
}

static inline int micro_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline void micro_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline void micro_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline int micro_GENERAL_NAMES_count(const GENERAL_NAMES *names) {
    return sk_GENERAL_NAME_num(names);
}

// The text of a DNS name or URI, or the bytes of an IP address; NULL for other kinds.
static inline const ASN1_STRING *micro_GENERAL_NAMES_string(
    const GENERAL_NAMES *names, int index, int *kind) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name == NULL) return NULL;
    *kind = name->type;
    switch (name->type) {
    case GEN_DNS: return name->d.dNSName;
    case GEN_URI: return name->d.uniformResourceIdentifier;
    case GEN_IPADD: return name->d.iPAddress;
    default: return NULL;
    }
}
