//! The roots that Windows trusts for this user: the store `Root` of the current user, by Windows'
//! own library. Neither `certutil.exe`, whose exit code says nothing of the kind, nor anything that
//! needs an administrator. Windows itself asks on the desktop before a root comes or goes.
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
        // Of this user's registry alone: `PROV_SYSTEM` would show the machine's as well.
        // SAFETY: the kind is one that takes a text that ends with a zero, which outlives the call.
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

    /// Gives each certificate to `look` until one is what it looks for.
    fn find(&self, mut look: impl FnMut(*const CERT_CONTEXT, &[u8]) -> bool) {
        let mut at = null();
        loop {
            // SAFETY: the store is open; the context before is given back by this call.
            at = unsafe { CertEnumCertificatesInStore(self.0, at) };
            if at.is_null() {
                return;
            }
            // SAFETY: the context is valid until the next call, and so are its bytes.
            let der = unsafe {
                let length = usize::try_from((*at).cbCertEncoded).unwrap_or(0);
                std::slice::from_raw_parts((*at).pbCertEncoded, length)
            };
            // SAFETY: as above; the copy is one more count of the same context.
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
        // SAFETY: opened by `open`, and used no more.
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

/// Adds a root, and looks whether it is there.
pub fn add(der: &[u8]) -> io::Result<()> {
    let store = Roots::open(0)?;
    let kind = X509_ASN_ENCODING | PKCS_7_ASN_ENCODING;
    let length = u32::try_from(der.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the store is open, and the bytes have the length that is told.
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

/// Takes a root out by the SHA-256 of its DER, and looks whether it is gone.
pub fn delete(der: &[u8]) -> io::Result<()> {
    let (store, wanted) = (Roots::open(0)?, sha256(der));
    let mut found = null();
    store.find(|at, der| {
        let is = sha256(der) == wanted;
        if is {
            // SAFETY: a valid context, which is counted once more.
            found = unsafe { CertDuplicateCertificateContext(at) };
        }
        is
    });
    if found.is_null() {
        return Ok(());
    }
    // SAFETY: a context of this store, which the call gives back, also where it fails.
    if unsafe { CertDeleteCertificateFromStore(found) } == 0 {
        return Err(io::Error::last_os_error());
    }
    drop(store);
    is_there(der, false)
}

/// What was done is read again: the user may have said no on the desktop.
fn is_there(der: &[u8], wanted: bool) -> io::Result<()> {
    let is = list()?.iter().any(|one| one == der);
    if is == wanted {
        return Ok(());
    }
    Err(io::Error::other(
        "Windows says that it is done, and it is not",
    ))
}
