//! The same content in files of every shape that `SQLite` gives them.

use nss_cert_db::certificates;

use crate::support::{LARGE, MANY, Store, agreed};

#[test]
fn every_page_size_is_read() {
    let (_, large) = &*LARGE;
    let (_, many) = &*MANY;
    for (original, sizes) in [
        (large, &[9, 10, 11, 12, 13, 14, 15, 16][..]),
        (many, &[9, 16]),
    ] {
        let expected = agreed(original);
        for size in sizes.iter().map(|bits| 1 << bits) {
            // With auto_vacuum, pointer map pages stand between the others.
            for vacuum in [0, 1] {
                let store = Store(tempfile::tempdir().expect("a folder"));
                store.write("cert9.db", original);
                store.edit(&format!(
                    "c.execute('pragma auto_vacuum = {vacuum}')
c.execute('pragma page_size = {size}')
c.execute('vacuum')
assert c.execute('pragma page_size').fetchone()[0] == {size}"
                ));
                assert_eq!(agreed(&store.cert9()), expected, "{size} {vacuum}");
            }
        }
    }
}

#[test]
fn bytes_reserved_at_the_end_of_pages_are_skipped() {
    let (_, large) = &*LARGE;
    let store = Store::new();
    store.write("cert9.db", large);
    // Python's module cannot ask for it, SQLite's own interface can
    // (SQLITE_FCNTL_RESERVE_BYTES).
    store.edit(
        "import ctypes
s = ctypes.CDLL('libsqlite3.so.0')
db, n = ctypes.c_void_p(), ctypes.c_int(40)
assert s.sqlite3_open(sys.argv[1].encode(), ctypes.byref(db)) == 0
assert s.sqlite3_file_control(db, None, 38, ctypes.byref(n)) == 0
assert s.sqlite3_exec(db, b'vacuum', None, None, None) == 0
assert s.sqlite3_close(db) == 0",
    );
    let cert9 = store.cert9();
    assert_eq!(cert9[20], 40);
    assert_eq!(agreed(&cert9), certificates(large).expect("reads"));
}
