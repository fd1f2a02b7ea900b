//! `--faults`: what the simulated terminal does wrong, and how often.

use aitrading_metatrader_connector::terminal::FaultPlan;

/// Reads `lost=5,late=5,before=5,after=5`, in thousandths of all orders; empty means none.
pub fn parse_faults(text: &str) -> Result<FaultPlan, String> {
    let mut plan = FaultPlan::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let wrong =
            || format!("'{part}' is no fault: write lost, late, before or after, '=' and thousandths up to 1000");
        let (name, rate) = part.split_once('=').ok_or_else(wrong)?;
        let rate = rate.parse().ok().filter(|rate| *rate <= 1_000).ok_or_else(wrong)?;
        let place = match name {
            "lost" => &mut plan.lost_reply,
            "late" => &mut plan.late_reply,
            "before" => &mut plan.drop_before_send,
            "after" => &mut plan.drop_after_send,
            _ => return Err(wrong()),
        };
        *place = rate;
    }
    let sum: u32 =
        [plan.lost_reply, plan.late_reply, plan.drop_before_send, plan.drop_after_send].map(u32::from).iter().sum();
    if sum > 1_000 { Err("the faults' rates add up to more than 1000 thousandths".to_owned()) } else { Ok(plan) }
}

/// Reads `30..45`: minutes, the second one above the first.
pub(crate) fn parse_minutes(text: &str) -> Result<(u32, u32), String> {
    let span = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    span.filter(|(from, to)| from < to).ok_or_else(|| format!("'{text}' is no span of minutes: write 30..45"))
}
