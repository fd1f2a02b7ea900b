//! ea_link
