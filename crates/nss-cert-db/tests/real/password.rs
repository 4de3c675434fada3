//! Primary passwords, set by certutil.

use nss_cert_db::has_primary_password;

use crate::support::{Store, ca, python, run};

#[test]
fn only_a_password_that_is_not_empty_counts() {
    let store = Store::new();
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
    store.add("one", "C,,", &ca("One", 1, 1));
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
    let some = store.write("some", b"secret\n");
    let none = store.write("none", b"\n");
    store.certutil(&["-W", "-f", &none, "-@", &some]);
    assert_eq!(has_primary_password(&store.key4()), Ok(true));
    store.certutil(&["-W", "-f", &some, "-@", &none]);
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
    // A single iteration, so that only decryption tells it from the empty password.
    let mut once = store.command();
    once.env("NSS_MAX_MP_PBE_ITERATION_COUNT", "1");
    run(once.args(["-W", "-f", &none, "-@", &some]), "libnss3-tools");
    let key4 = store.key4();
    assert_eq!(has_primary_password(&key4), Ok(true));
    assert!(has_primary_password(&store.cert9()).is_err());
    python(
        "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as c: c.execute('delete from metaData')",
        &store.path("key4.db"),
    );
    assert_eq!(has_primary_password(&store.key4()), Ok(false));
}
