//! The roots that Windows trusts for this user: the store `Root` of the current user, through
//! Windows' own library. Not through `certutil.exe`, whose exit code does not tell success, and
//! nothing here needs an administrator. Windows itself asks on the desktop before it adds or
//! removes a root.
#![allow(unsafe_code, reason = "calls into Windows' own library")]

use std::io;
use std::ptr::null;

use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_STORE_ADD_REPLACE_EXISTING, CERT_STORE_PROV_SYSTEM_REGISTRY_W,
    CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_CURRENT_USER, CertAddEncodedCertificateToStore,
    CertCloseStore, CertDeleteCertificateFromStore, CertDuplicateCertificateContext,
    CertEnumCertificatesInStore, CertOpenStore, HCERTSTORE, PKCS_7_ASN_ENCODING, X509_ASN_ENCODING,
};

use super::api::wide;
use crate::certificates::sha256;

/// The store, until it is dropped.
struct Roots(HCERTSTORE);

impl Roots {
    fn open(flags: u32) -> io::Result<Self> {
        let name = wide("Root");
        let flags = CERT_SYSTEM_STORE_CURRENT_USER | flags;
        // Only this user's registry: `PROV_SYSTEM` would include the machine's.
        // SAFETY: this kind takes a zero-terminated string, which outlives the call.
        let store = unsafe {
            CertOpenStore(
                CERT_STORE_PROV_SYSTEM_REGISTRY_W,
                0,
                0,
                flags,
                name.as_ptr().cast(),
            )
        };
        if store.is_null() {
            Err(io::Error::last_os_error())
        } else {
            Ok(Self(store))
        }
    }

    /// Passes each certificate to `look` until it returns true.
    fn find(&self, mut look: impl FnMut(*const CERT_CONTEXT, &[u8]) -> bool) {
        let mut at = null();
        loop {
            // SAFETY: the store is open; the call frees the previous context.
            at = unsafe { CertEnumCertificatesInStore(self.0, at) };
            if at.is_null() {
                return;
            }
            // SAFETY: the context is valid until the next call, and so are its bytes.
            let der = unsafe {
                let length = usize::try_from((*at).cbCertEncoded).unwrap_or(0);
                std::slice::from_raw_parts((*at).pbCertEncoded, length)
            };
            // SAFETY: as above; duplicating adds one reference to the same context.
            if look(at, der) {
                let _ = unsafe {
                    windows_sys::Win32::Security::Cryptography::CertFreeCertificateContext(at)
                };
                return;
            }
        }
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, and not used again.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

/// Every root, as DER.
pub fn list() -> io::Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    Roots::open(CERT_STORE_READONLY_FLAG)?.find(|_, der| {
        all.push(der.to_vec());
        false
    });
    Ok(all)
}

/// Adds a root, and checks that it is there.
pub fn add(der: &[u8]) -> io::Result<()> {
    let store = Roots::open(0)?;
    let kind = X509_ASN_ENCODING | PKCS_7_ASN_ENCODING;
    let length = u32::try_from(der.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the store is open, and the bytes have the given length.
    let done = unsafe {
        let how = CERT_STORE_ADD_REPLACE_EXISTING;
        CertAddEncodedCertificateToStore(
            store.0,
            kind,
            der.as_ptr(),
            length,
            how,
            std::ptr::null_mut(),
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    drop(store);
    is_there(der, true)
}

/// Removes a root by the SHA-256 of its DER, and checks that it is gone.
pub fn delete(der: &[u8]) -> io::Result<()> {
    let (store, wanted) = (Roots::open(0)?, sha256(der));
    let mut found = null();
    store.find(|at, der| {
        let is = sha256(der) == wanted;
        if is {
            // SAFETY: a valid context, which gets one more reference.
            found = unsafe { CertDuplicateCertificateContext(at) };
        }
        is
    });
    if found.is_null() {
        return Ok(());
    }
    // SAFETY: a context of this store, which the call frees even if it fails.
    if unsafe { CertDeleteCertificateFromStore(found) } == 0 {
        return Err(io::Error::last_os_error());
    }
    drop(store);
    is_there(der, false)
}

/// Reads the result back: the user may have declined on the desktop.
fn is_there(der: &[u8], wanted: bool) -> io::Result<()> {
    let is = list()?.iter().any(|one| one == der);
    if is == wanted {
        return Ok(());
    }
    Err(io::Error::other(
        "Windows says that it is done, and it is not",
    ))
}
