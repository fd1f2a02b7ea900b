//! What is asked of a new password.

use super::super::{LoginError, PASSWORD_BYTES_MAX, Password};
use super::name;
use crate::Secret;

fn check(login: &str, password: &str, wanted: Result<(), LoginError>) {
    let verdict = Password::new(Secret::new(password.to_owned()), &name(login)).map(drop);
    assert_eq!(verdict, wanted, "{password:?} for {login:?}");
}

#[test]
fn a_new_password_is_long_enough_and_not_the_login_name() {
    check("anna", "four words of nonsense", Ok(()));
    check("anna", "áéíóúñçßøåæœ", Ok(()));
    check("anna", "", Err(LoginError::PasswordEmpty));
    check("anna", "eleven char", Err(LoginError::PasswordShort));
    // Twelve bytes, and only six characters.
    check("anna", "áéíóúñ", Err(LoginError::PasswordShort));
    check("anna", &"x".repeat(PASSWORD_BYTES_MAX), Ok(()));
    check("anna", &"x".repeat(PASSWORD_BYTES_MAX + 1), Err(LoginError::PasswordLong));
}

#[test]
fn a_login_name_in_disguise_is_no_password() {
    let login = "anna.maria.schmidt@example.com";
    for bad in [login, "ANNA.Maria.Schmidt@Example.com", "anna.maria.schmidt", "--anna.maria.schmidt--"] {
        check(login, bad, Err(LoginError::PasswordIsLogin));
    }
    check(login, "moc.elpmaxe@tdimhcs.airam.anna", Err(LoginError::PasswordIsLogin));
    check("anna", "AnnaAnnaAnna", Err(LoginError::PasswordIsLogin));
    check("anna", "anna anna anna!", Err(LoginError::PasswordIsLogin));
    check("anna", "anna and her horse", Ok(()));
    check("anna", "!!??!!??!!??", Ok(()));
}

#[test]
fn to_log_in_only_the_size_of_a_password_counts() {
    let typed = |text: &str| Password::typed(Secret::new(text.to_owned())).map(drop);
    assert_eq!(typed("short"), Ok(()));
    assert_eq!(typed(""), Err(LoginError::PasswordEmpty));
    assert_eq!(typed(&"x".repeat(PASSWORD_BYTES_MAX + 1)), Err(LoginError::PasswordLong));
}
