//! The binary starts. Its being tested here also has it built before the tests
//! of the whole workspace run, which drive it.

use std::process::Command;

#[test]
fn the_binary_tells_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_vpcflow"))
        .arg("--version")
        .output()
        .unwrap();
    assert!(output.status.success());
    let expected = concat!("vpcflow ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
