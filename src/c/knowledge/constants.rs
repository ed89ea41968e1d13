//! The values of names that common libraries give their results: a tree that uses a library seldom holds its headers.

use crate::c::names::{Map, Name};

/// The value, and the names that stand for it. Sources: the reference manuals of the libraries.
const VALUES: &[(i64, &str)] = &[
    (0, "EXIT_SUCCESS S_OK ERROR_SUCCESS NO_ERROR STATUS_SUCCESS"),
    (1, "EXIT_FAILURE S_FALSE"),
    (0, "SQLITE_OK CURLE_OK CURLM_OK CURLUE_OK Z_OK BZ_OK LZMA_OK ZIP_ER_OK ARCHIVE_OK"),
    (100, "SQLITE_ROW"),
    (101, "SQLITE_DONE"),
    (1, "Z_STREAM_END ARCHIVE_EOF LZMA_STREAM_END"),
    (4, "BZ_STREAM_END"),
    (
        0,
        "SSL_ERROR_NONE X509_V_OK GNUTLS_E_SUCCESS GPG_ERR_NO_ERROR CKR_OK SECSuccess GSS_S_COMPLETE SSH_OK SSH_NO_ERROR",
    ),
    (-1, "SECFailure SSH_ERROR"),
    (
        0,
        "LDAP_SUCCESS PAM_SUCCESS LIBUSB_SUCCESS LIBSSH2_ERROR_NONE APR_SUCCESS MOSQ_ERR_SUCCESS AVAHI_OK XML_ERROR_NONE",
    ),
    (0, "TSS2_RC_SUCCESS TPM2_RC_SUCCESS SCARD_S_SUCCESS TCL_OK LUA_OK MPI_SUCCESS NC_NOERR CL_SUCCESS VK_SUCCESS"),
    (0, "AMQP_STATUS_OK REDIS_OK GIT_OK FT_Err_Ok U_ZERO_ERROR YAML_NO_ERROR RPMRC_OK CONNECTION_OK XML_STATUS_ERROR"),
    (-1, "REDIS_ERR CURL_SOCKET_BAD"),
    (1, "XML_STATUS_OK TCL_ERROR MHD_YES"),
    (0, "MHD_NO"),
];

/// The names and their values.
pub fn values() -> Map<Name, i64> {
    super::by_name(VALUES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let names = VALUES.iter().flat_map(|(_, names)| names.split_whitespace());
        assert_eq!(values().len(), names.count());
        assert_eq!(values().get(&Name::of("SQLITE_ROW")), Some(&100));
    }
}
