//! Access lists: who can read a file, and creating one that only this user can access.
#![allow(unsafe_code, reason = "calls into Windows' own libraries")]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{GENERIC_WRITE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW,
    GetNamedSecurityInfoW, SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACL, DACL_SECURITY_INFORMATION, GetAce, GetTokenInformation,
    INHERIT_ONLY_ACE, PSID, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_DELETE, FILE_SHARE_READ,
    FILE_SHARE_WRITE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::api::{checked, owned, succeeded, wide};

/// Creates a file that only this user can access, from the first byte.
pub fn create_private(path: &Path) -> io::Result<File> {
    let (path, list) = (wide(path), wide(format!("D:P(A;;FA;;;{})", this_user()?)));
    let mut descriptor = null_mut();
    // SAFETY: the string is zero-terminated; the descriptor is freed below.
    checked(unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            list.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    })?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
        lpSecurityDescriptor: descriptor,
        bInheritHandle: 0,
    };
    let share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    // SAFETY: the path is zero-terminated, and the descriptor outlives the call.
    let file = owned(unsafe {
        let attributes = &raw const attributes;
        let (how, kind) = (CREATE_NEW, FILE_ATTRIBUTE_NORMAL);
        CreateFileW(
            path.as_ptr(),
            GENERIC_WRITE,
            share,
            attributes,
            how,
            kind,
            null_mut(),
        )
    });
    // SAFETY: allocated by the call above, and not used again.
    unsafe { LocalFree(descriptor) };
    Ok(file?.into())
}

/// The identifier of this user.
fn this_user() -> io::Result<String> {
    let mut token = null_mut();
    // SAFETY: the process's own handle, which needs no closing; one handle is written.
    checked(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
    let token = owned(token)?;
    // Aligned for the structure that begins it.
    let mut buffer = vec![0_u64; 64];
    let mut length = 0;
    // SAFETY: the buffer has the given length, in bytes.
    checked(unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            512,
            &raw mut length,
        )
    })?;
    // SAFETY: the call has written this structure, whose identifier is in the same buffer.
    sid_text(unsafe { (*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid })
}

fn sid_text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: a valid identifier; the string is freed below.
    checked(unsafe { ConvertSidToStringSidW(sid, &raw mut text) })?;
    // SAFETY: the call returned a zero-terminated string.
    let units = unsafe {
        let mut length = 0;
        while *text.add(length) != 0 {
            length += 1;
        }
        std::slice::from_raw_parts(text, length).to_vec()
    };
    // SAFETY: allocated by the call above, and not used again.
    unsafe { LocalFree(text.cast()) };
    Ok(String::from_utf16_lossy(&units))
}

/// The identifiers of those who may read a file by its access list, except this user,
/// administrators and Windows itself.
pub(super) fn readers(path: &Path) -> io::Result<Vec<String>> {
    // SYSTEM, the administrators, and the owner and the creator of a file.
    const OURS: [&str; 4] = ["S-1-5-18", "S-1-5-32-544", "S-1-3-4", "S-1-3-0"];
    // FILE_READ_DATA, GENERIC_ALL, GENERIC_READ
    const READS: u32 = 0x9000_0001;
    let us = this_user()?;
    let path = wide(path);
    let (mut list, mut descriptor) = (null_mut::<ACL>(), null_mut());
    // SAFETY: the string is zero-terminated; the descriptor, which contains the list, is freed
    // below.
    succeeded(unsafe {
        let (kind, what) = (SE_FILE_OBJECT, DACL_SECURITY_INFORMATION);
        let list = &raw mut list;
        let (owner, group, audit) = (null_mut(), null_mut(), null_mut());
        GetNamedSecurityInfoW(
            path.as_ptr(),
            kind,
            what,
            owner,
            group,
            list,
            audit,
            &raw mut descriptor,
        )
    })?;
    let mut found = Vec::new();
    // A file without a list is open to everyone.
    let count = if list.is_null() {
        found.push("S-1-1-0".to_owned());
        0
    } else {
        // SAFETY: the call returned a list.
        u32::from(unsafe { (*list).AceCount })
    };
    for at in 0..count {
        let mut entry: *mut c_void = null_mut();
        // SAFETY: an entry of the list, by its index.
        if unsafe { GetAce(list, at, &raw mut entry) } == 0 {
            continue;
        }
        let entry: *const ACCESS_ALLOWED_ACE = entry.cast();
        // SAFETY: every kind of entry begins with this header and this mask.
        let (header, mask) = unsafe { ((*entry).Header, (*entry).Mask) };
        let inherited_only = u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0;
        // Kind 0 allows access.
        if header.AceType != 0 || inherited_only || mask & READS == 0 {
            continue;
        }
        // SAFETY: an entry of that kind ends with an identifier, which begins at this field.
        let sid = sid_text(unsafe { (&raw const (*entry).SidStart).cast_mut().cast() })?;
        if sid != us && !OURS.contains(&sid.as_str()) && !found.contains(&sid) {
            found.push(sid);
        }
    }
    // SAFETY: allocated by the call above, and not used again.
    unsafe { LocalFree(descriptor) };
    Ok(found)
}
