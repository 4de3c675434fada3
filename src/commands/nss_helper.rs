//! `azup nss-helper`: changes one NSS database with a `libnss3` that is loaded into this
//! process and no other. azup starts it as it starts certutil, with a limit of time; a
//! person never needs it.

use std::io::Read as _;

use anyhow::Result;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::cli::{NssAction, NssHelper};
use crate::failure::{Exit, Failure};
use crate::machine::Machine;
use crate::trust::nss::Nss;

/// Larger than any certificate in PEM (bytes).
const LARGEST: u64 = 1 << 20;

pub(super) fn run(helper: &NssHelper, machine: &Machine) -> Result<Exit> {
    let create = helper.action == NssAction::Create;
    let folder = machine.absolute(&helper.folder);
    if create {
        Nss::open(&folder, helper.newest, true, machine)?;
        return Ok(Exit::Done);
    }
    let mut pem = Vec::new();
    std::io::stdin().take(LARGEST).read_to_end(&mut pem)?;
    let der = CertificateDer::from_pem_slice(&pem)
        .map_err(|_| Failure::new("standard input is no certificate in PEM"))?;
    let nss = Nss::open(&folder, helper.newest, false, machine)?;
    match helper.action {
        NssAction::Delete => nss.delete(&der)?,
        _ => nss.add(&der, &helper.nickname)?,
    }
    Ok(Exit::Done)
}
