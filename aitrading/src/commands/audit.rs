//! `aitrading audit verify`: the proof, from files alone.

use crate::{cli, exit::Failure, layout::Layout, print};
use aitrading_audit::{LogKey, Verdict, VerifyReport};
use aitrading_env::Env;
use std::io::Write;

/// Verifies and prints; the verdict is the exit code.
pub(crate) fn verify(env: &Env, out: &mut dyn Write, args: &cli::AuditVerify) -> Result<(), Failure> {
    let pinned = args.key.as_deref().map(LogKey::parse).transpose();
    let pinned =
        pinned.map_err(|e| Failure { exit: 2, message: format!("the key given with --key is not usable: {e}") })?;
    let dir = Layout::new(&args.data_dir).audit();
    let report = aitrading_audit::verify(env.fs.as_ref(), &dir, pinned.as_ref());
    if args.json {
        json(out, &report, pinned.is_some())?
    } else {
        text(out, &report, pinned.is_some())?
    }
    match report.verdict {
        Verdict::Clean => Ok(()),
        Verdict::Tampered => Err(ended(&report, "the audit log was tampered with; keep the files as evidence")),
        Verdict::CouldNotRun => Err(ended(
            &report,
            &format!("the log in {} could not be verified; check path and permissions", dir.display()),
        )),
    }
}

fn ended(report: &VerifyReport, message: &str) -> Failure {
    Failure { exit: report.verdict.exit_code(), message: message.to_owned() }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Tampered => "tampered",
        Verdict::CouldNotRun => "could_not_run",
    }
}

fn json(out: &mut dyn Write, report: &VerifyReport, pinned: bool) -> Result<(), Failure> {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|f| serde_json::json!({"code": f.code, "detail": f.detail, "tampering": f.tampering}))
        .collect();
    let value = serde_json::json!({
        "verdict": name(report.verdict),
        "entries": report.entries,
        "root": report.root,
        "checkpoint_size": report.checkpoint_size,
        "torn_bytes": report.torn_bytes,
        "key_pinned": pinned,
        "findings": findings,
    });
    print(out, format_args!("{value}"))
}

fn text(out: &mut dyn Write, report: &VerifyReport, pinned: bool) -> Result<(), Failure> {
    print(out, format_args!("verdict     {}", name(report.verdict)))?;
    print(out, format_args!("entries     {}", report.entries))?;
    print(out, format_args!("root        {}", report.root))?;
    match report.checkpoint_size {
        Some(size) => print(out, format_args!("checkpoint  signed over {size} entries"))?,
        None => print(out, format_args!("checkpoint  none"))?,
    }
    for finding in &report.findings {
        let weight = if finding.tampering { "TAMPERED" } else { "note" };
        print(out, format_args!("{weight:<11} {}: {}", finding.code, finding.detail))?;
    }
    if !pinned {
        let hint = "the key was read beside the log; an auditor pins it with --key, taken from elsewhere";
        print(out, format_args!("note        {hint}"))?;
    }
    Ok(())
}
