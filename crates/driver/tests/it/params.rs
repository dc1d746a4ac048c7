//! The parameters in the header of a history.

use driver::history::Params;

#[test]
fn a_number_is_returned_only_within_its_range() {
    let params = Params::default().with("seed", 7).with("clients", "x");
    assert_eq!(params.number("seed", 0..=u64::MAX), Ok(7));
    let error = |name: &str| params.number(name, 1..=5_u32).unwrap_err().to_string();
    assert_eq!(error("seed"), "the parameter --seed is missing or invalid");
    assert_eq!(error("clients"), "the parameter --clients is missing or invalid");
    assert_eq!(error("rounds"), "the parameter --rounds is missing or invalid");
}

#[test]
fn a_parameter_without_a_value_is_a_flag() {
    let params = Params::default().with("seed", 7).with("matrix", "");
    assert_eq!(params.as_flags(), "--matrix --seed 7");
}
