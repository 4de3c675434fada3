//! Writes to NSS databases with the `libnss3` that every Chromium and Firefox brings,
//! where certutil is not installed or can name the wrong certificate.
//!
//! NSS is one per process and may wait, hang or crash on a damaged database, so that this
//! runs in a process of its own: `azup nss-helper` ([`crate::commands`]), which azup
//! starts like certutil.

#![allow(
    unsafe_code,
    reason = "NSS is a C library that is found at run time; this is the one module that calls it"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::{null, null_mut};

use anyhow::Result;
use libloading::os::unix::{Library as UnixLibrary, RTLD_GLOBAL, RTLD_NOW};

use super::TRUST;
use super::libraries::{CAN_LOAD, file_name, find};
use crate::failure::{Failure, shown};
use crate::machine::Machine;

/// What `libnss3` is linked with. Loaded first and by absolute path, so that the dynamic
/// linker takes these and not others of the same names.
const SIBLINGS: [&str; 5] = ["nspr4", "plc4", "plds4", "nssutil3", "mozsqlite3"];

/// `NSS_INIT_NOMODDB`: no other PKCS#11 module (`nss.h`). One for a smart card would
/// perhaps wait for the card.
const NO_MODULES: c_uint = 0x4;

/// `NSS_INIT_NOROOTINIT`: no CAs of Mozilla's own (`nss.h`).
const NO_ROOTS: c_uint = 0x10;

/// `CKO_NSS_TRUST` and `CKO_TRUST`, the two dialects of trust.
const TRUST_CLASSES: [c_ulong; 2] = [0xce53_4353, 0x0b];

/// `CKA_ISSUER` and `CKA_SERIAL_NUMBER` (PKCS#11).
const NAME: [c_ulong; 2] = [0x81, 0x82];

/// `SECItem` (`seccomon.h`).
#[repr(C)]
struct Item {
    kind: c_uint,
    data: *mut u8,
    length: c_uint,
}

impl Item {
    const EMPTY: Self = Self {
        kind: 0,
        data: null_mut(),
        length: 0,
    };

    /// A view of `bytes`, which must outlive it. NSS only reads what it points to.
    fn of(bytes: &[u8]) -> Result<Self> {
        Ok(Self {
            kind: 0,
            data: bytes.as_ptr().cast_mut(),
            length: c_uint::try_from(bytes.len())?,
        })
    }

    /// # Safety
    /// `data` is null or points to `length` bytes that live as long as this.
    unsafe fn bytes(&self) -> &[u8] {
        if self.data.is_null() {
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.data, self.length as usize) }
    }
}

/// The beginning of `CERTCertificate` (`certt.h`), up to the DER. It has never changed:
/// it is part of NSS's interface.
#[repr(C)]
struct Certificate {
    arena: *mut c_void,
    names: [*mut c_char; 2],
    signature: [Item; 4],
    der: Item,
}

/// `CERTCertTrust` (`certt.h`).
#[repr(C)]
#[derive(Default)]
struct Trust {
    server: c_uint,
    mail: c_uint,
    code: c_uint,
}

type Slot = *mut c_void;
type Handle = *mut c_void;
type Object = *mut c_void;

/// The functions used, as NSS declares them, and the libraries that they live in.
macro_rules! functions {
    ($($name:ident = $symbol:literal: fn($($argument:ty),*) -> $result:ty;)*) => {
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) -> $result,)*
            _libraries: Vec<UnixLibrary>,
        }

        impl Functions {
            /// # Safety
            /// `nss` is NSS's library.
            unsafe fn of(nss: UnixLibrary, mut others: Vec<UnixLibrary>) -> Result<Self, libloading::Error> {
                $(
                    // SAFETY: the symbol has this type in NSS's headers.
                    let $name = *unsafe {
                        nss.get::<unsafe extern "C" fn($($argument),*) -> $result>($symbol)
                    }?;
                )*
                others.push(nss);
                Ok(Self { $($name,)* _libraries: others })
            }
        }
    };
}

functions! {
    initialize = c"NSS_Initialize": fn(*const c_char, *const c_char, *const c_char, *const c_char, c_uint) -> c_int;
    shutdown = c"NSS_Shutdown": fn() -> c_int;
    error = c"PR_GetError": fn() -> c_int;
    error_name = c"PR_ErrorToName": fn(c_int) -> *const c_char;
    key_slot = c"PK11_GetInternalKeySlot": fn() -> Slot;
    free_slot = c"PK11_FreeSlot": fn(Slot) -> ();
    is_new = c"PK11_NeedUserInit": fn(Slot) -> c_int;
    init_pin = c"PK11_InitPin": fn(Slot, *const c_char, *const c_char) -> c_int;
    needs_login = c"PK11_NeedLogin": fn(Slot) -> c_int;
    handle = c"CERT_GetDefaultCertDB": fn() -> Handle;
    find = c"CERT_FindCertByDERCert": fn(Handle, *mut Item) -> *mut Certificate;
    parse = c"CERT_NewTempCertificate": fn(Handle, *mut Item, *mut c_char, c_int, c_int) -> *mut Certificate;
    import = c"PK11_ImportCert": fn(Slot, *mut Certificate, c_ulong, *const c_char, c_int) -> c_int;
    decode_trust = c"CERT_DecodeTrustString": fn(*mut Trust, *const c_char) -> c_int;
    change_trust = c"CERT_ChangeCertTrust": fn(Handle, *mut Certificate, *mut Trust) -> c_int;
    delete = c"SEC_DeletePermCertificate": fn(*mut Certificate) -> c_int;
    release = c"CERT_DestroyCertificate": fn(*mut Certificate) -> ();
    objects = c"PK11_FindGenericObjects": fn(Slot, c_ulong) -> Object;
    next_object = c"PK11_GetNextGenericObject": fn(Object) -> Object;
    free_objects = c"PK11_DestroyGenericObjects": fn(Object) -> c_int;
    attribute = c"PK11_ReadRawAttribute": fn(c_int, Object, c_ulong, *mut Item) -> c_int;
    object_handle = c"PK11_GetObjectHandle": fn(c_int, Object, *mut Slot) -> c_ulong;
    destroy_object = c"PK11_DestroyTokenObject": fn(Slot, c_ulong) -> c_int;
    free_item = c"SECITEM_FreeItem": fn(*mut Item, c_int) -> ();
}

/// An open database.
pub(crate) struct Nss {
    functions: Functions,
    slot: Slot,
}

impl Nss {
    /// Opens the database in `folder`, with the newest library where `newest`, else with
    /// the operating system's. A database that does not exist yet is made only where
    /// `create`, and then needs no password.
    ///
    /// # Errors
    /// Where no library can be loaded, or it cannot open the database.
    pub(crate) fn open(
        folder: &Path,
        newest: bool,
        create: bool,
        machine: &Machine,
    ) -> Result<Self> {
        if folder.join("cert9.db").exists() == create {
            let what = if create {
                "there is one already"
            } else {
                "there is none"
            };
            return Err(
                Failure::new(format!("no database to open in {}: {what}", shown(folder))).into(),
            );
        }
        let functions = load(newest, machine)?;
        let mut name = b"sql:".to_vec();
        name.extend(folder.as_os_str().as_bytes());
        let name = CString::new(name)?;
        let flags = if create {
            NO_ROOTS
        } else {
            NO_ROOTS | NO_MODULES
        };
        let modules = c"secmod.db".as_ptr();
        let (none, cert_prefix) = (c"".as_ptr(), c"".as_ptr());
        // SAFETY: NSS_Initialize gets five strings that end with a zero byte and live on.
        let done =
            unsafe { (functions.initialize)(name.as_ptr(), cert_prefix, none, modules, flags) };
        if done != 0 {
            return Err(functions.failure("cannot open the database"));
        }
        // SAFETY: NSS is initialized.
        let slot = unsafe { (functions.key_slot)() };
        if slot.is_null() {
            return Err(functions.failure("the database has no slot for keys"));
        }
        let this = Self { functions, slot };
        // SAFETY: `slot` is a slot of NSS's; a null password stands for none.
        unsafe {
            if create
                && (this.functions.is_new)(slot) != 0
                && (this.functions.init_pin)(slot, null(), c"".as_ptr()) != 0
            {
                return Err(this.functions.failure("cannot set the empty password"));
            }
        }
        Ok(this)
    }

    /// Adds the certificate `der` as `nickname` where it is missing, and trusts it as a CA
    /// for servers.
    ///
    /// # Errors
    /// Where NSS refuses; a certificate that it took but does not trust is taken out again.
    pub(crate) fn add(&self, der: &[u8], nickname: &str) -> Result<()> {
        let nss = &self.functions;
        let nickname = CString::new(nickname)?;
        let trust_string = CString::new(TRUST)?;
        // SAFETY: `slot` is NSS's.
        if unsafe { (nss.needs_login)(self.slot) } != 0 {
            return Err(Failure::new("the database has a primary password").into());
        }
        let there = self.certificate(der)?;
        let was_there = there.is_some();
        let certificate = if let Some(certificate) = there {
            certificate
        } else {
            let mut item = Item::of(der)?;
            // SAFETY: `item` points to `der`, which NSS copies (the last argument).
            let parsed = unsafe { (nss.parse)((nss.handle)(), &raw mut item, null_mut(), 0, 1) };
            if parsed.is_null() {
                return Err(nss.failure("NSS does not understand the certificate"));
            }
            let parsed = Reference(self, parsed);
            // SAFETY: slot and certificate are NSS's; 0 is CK_INVALID_HANDLE, "no key".
            let done = unsafe { (nss.import)(self.slot, parsed.1, 0, nickname.as_ptr(), 0) };
            if done != 0 {
                return Err(nss.failure("cannot add the certificate"));
            }
            parsed
        };
        let mut trust = Trust::default();
        // SAFETY: `trust` is a CERTCertTrust to be filled in, then only read; the rest is
        // NSS's own.
        let done = unsafe {
            (nss.decode_trust)(&raw mut trust, trust_string.as_ptr()) == 0
                && (nss.change_trust)((nss.handle)(), certificate.1, &raw mut trust) == 0
        };
        if done {
            return Ok(());
        }
        let failure = nss.failure("cannot trust the certificate");
        if !was_there {
            // SAFETY: the certificate is NSS's. The first failure is the one to report.
            let _ = unsafe { (nss.delete)(certificate.1) };
        }
        Err(failure)
    }

    /// Deletes the certificate `der`, and no other, with its trust in both dialects.
    ///
    /// # Errors
    /// Where it is not in the database, or NSS refuses.
    pub(crate) fn delete(&self, der: &[u8]) -> Result<()> {
        let Some(certificate) = self.certificate(der)? else {
            return Err(Failure::new("the certificate is not in the database").into());
        };
        // SAFETY: the certificate is NSS's.
        if unsafe { (self.functions.delete)(certificate.1) } != 0 {
            return Err(self.functions.failure("cannot delete the certificate"));
        }
        drop(certificate);
        self.delete_trust(der)
    }

    /// Deletes trust rows that were for `der`. NSS before PKCS#11 3.2 does not know of
    /// those in the standard's dialect, but finds objects of any class.
    fn delete_trust(&self, der: &[u8]) -> Result<()> {
        use x509_parser::prelude::{FromDer as _, X509Certificate};
        let nss = &self.functions;
        let (_, certificate) = X509Certificate::from_der(der)?;
        let serial = certificate.raw_serial();
        let serial = [&[0x02, u8::try_from(serial.len())?], serial].concat();
        let wanted = [certificate.issuer().as_raw(), &serial];
        for class in TRUST_CLASSES {
            let mut handles = Vec::new();
            // SAFETY: NSS gives a list of objects, null where there are none, to be walked
            // and then freed as a whole. Attributes are copies that are freed one by one.
            unsafe {
                let first = (nss.objects)(self.slot, class);
                let mut object = first;
                while !object.is_null() {
                    let is_for = NAME.iter().zip(wanted).all(|(number, wanted)| {
                        let mut value = Item::EMPTY;
                        let read = (nss.attribute)(0, object, *number, &raw mut value) == 0;
                        let same = read && value.bytes() == wanted;
                        if read {
                            (nss.free_item)(&raw mut value, 0);
                        }
                        same
                    });
                    if is_for {
                        let mut slot = null_mut();
                        handles.push((nss.object_handle)(0, object, &raw mut slot));
                    }
                    object = (nss.next_object)(object);
                }
                if !first.is_null() {
                    (nss.free_objects)(first);
                }
            }
            for handle in handles {
                // SAFETY: a handle of this slot that was found just now.
                if unsafe { (nss.destroy_object)(self.slot, handle) } != 0 {
                    return Err(nss.failure("cannot delete the trust of the deleted certificate"));
                }
            }
        }
        Ok(())
    }

    /// The certificate of the database with exactly these bytes. NSS looks for issuer and
    /// serial number alone, so that what it finds is compared.
    fn certificate(&self, der: &[u8]) -> Result<Option<Reference<'_>>> {
        let mut item = Item::of(der)?;
        // SAFETY: `item` is only read.
        let found = unsafe { (self.functions.find)((self.functions.handle)(), &raw mut item) };
        if found.is_null() {
            return Ok(None);
        }
        let found = Reference(self, found);
        // SAFETY: NSS's certificates begin as `Certificate` says and hold their DER.
        let same = unsafe { (*found.1).der.bytes() } == der;
        Ok(same.then_some(found))
    }
}

impl Drop for Nss {
    fn drop(&mut self) {
        // SAFETY: the slot is not used any more. What was changed is written already, so
        // that a failure to shut down loses nothing.
        unsafe {
            (self.functions.free_slot)(self.slot);
            (self.functions.shutdown)();
        }
    }
}

/// A certificate of NSS's, given back when dropped.
struct Reference<'a>(&'a Nss, *mut Certificate);

impl Drop for Reference<'_> {
    fn drop(&mut self) {
        // SAFETY: it came from NSS and is given back once.
        unsafe { (self.0.functions.release)(self.1) }
    }
}

impl Functions {
    /// What NSS refused, with its name for the reason.
    fn failure(&self, what: &str) -> anyhow::Error {
        // SAFETY: both may be called at any time; a name is a constant string, or null.
        let name = unsafe {
            let code = (self.error)();
            let name = (self.error_name)(code);
            if name.is_null() {
                code.to_string()
            } else {
                CStr::from_ptr(name).to_string_lossy().into_owned()
            }
        };
        Failure::new(format!("{what}: {name}")).into()
    }
}

/// Loads the first library that can be.
fn load(newest: bool, machine: &Machine) -> Result<Functions> {
    if !CAN_LOAD {
        return Err(Failure::new("this azup is linked statically and cannot load NSS").into());
    }
    let mut files = find(machine);
    if newest {
        files.reverse();
    }
    let mut why = "it is nowhere on this machine".to_owned();
    for file in &files {
        match load_file(file) {
            Ok(functions) => return Ok(functions),
            Err(error) => why = error.to_string(),
        }
    }
    Err(Failure::new(format!("cannot load {}: {why}", file_name("nss3"))).into())
}

fn load_file(file: &Path) -> Result<Functions, libloading::Error> {
    // SAFETY: these are NSS's libraries by their place and name; what they do when loaded
    // is the same that happens in every browser.
    unsafe {
        let siblings = SIBLINGS
            .iter()
            .map(|name| file.with_file_name(file_name(name)))
            .filter(|sibling| sibling.is_file())
            // One that is missing or broken is named when NSS itself is loaded.
            .filter_map(|sibling| UnixLibrary::open(Some(sibling), RTLD_NOW | RTLD_GLOBAL).ok())
            .collect();
        let nss = UnixLibrary::open(Some(file), RTLD_NOW | RTLD_GLOBAL)?;
        Functions::of(nss, siblings)
    }
}
