// OpenSSL 3 (https://www.openssl.org). Many of its functions are macros, which Swift cannot
// import: those that MicroTLS needs stand here as inline functions of the same meaning.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
