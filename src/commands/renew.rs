//! `azup renew`: a new CA and leaf. The new CA is trusted everywhere before anything
//! serves the new leaf.

use anyhow::Result;

use super::trust::put;
use crate::certificates::{self, SetLocation};
use crate::cli::Renew;
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};

pub(super) fn run(
    renew: &Renew,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    let place = SetLocation::find(machine, global)?;
    put(global, false, machine, output, || {
        certificates::renew(machine, &place, &renew.sans).map(Into::into)
    })
}
