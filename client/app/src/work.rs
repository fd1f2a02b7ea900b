//! Settings, keys, connector; then status lines until it is time to end.

use crate::{
    AppError, Common, Run, line,
    stop::{self, Stop},
};
use aitrading_env::Env;
use aitrading_hub::Signals;
use aitrading_keystore::{DeviceKeys, KeyStore, SealedFiles};
use aitrading_metatrader_connector::{Connector, Status};
use aitrading_settings::Settings;
use std::{io::Write, time::Duration};

/// Pause between JSON lines.
const JSON_EVERY: Duration = Duration::from_millis(500);
/// Pause between lines for people.
const WORDS_EVERY: Duration = Duration::from_secs(5);

/// Settings and keys of this client.
pub(crate) fn open(env: &Env, common: &Common) -> Result<(Settings, DeviceKeys), AppError> {
    let settings = Settings::load(env, &common.config)?;
    let keys = SealedFiles::new(env, &settings.keystore).open()?;
    Ok((settings, keys))
}

/// Beside a real terminal.
pub(crate) async fn run(env: &Env, out: &mut (dyn Write + Send), run: &Run) -> Result<(), AppError> {
    let signals = Signals::listen().map_err(AppError::Signals)?;
    let (settings, keys) = open(env, &run.common)?;
    let connector = Connector::start(env, &settings, keys).await?;
    let (why, reached) = watch(env, out, (&run.common, signals), &connector, false).await?;
    finish(out, &run.common, connector.stop().await, false, (why, reached))
}

/// Writes status lines until it is time to end. Tells why it ends, and whether the server was ever reached.
pub(crate) async fn watch(
    env: &Env,
    out: &mut (dyn Write + Send),
    (common, signals): (&Common, Signals),
    connector: &Connector,
    synthetic: bool,
) -> Result<(Stop, bool), AppError> {
    let mut stop = std::pin::pin!(stop::wait(env, common, signals));
    let every = if common.json_status { JSON_EVERY } else { WORDS_EVERY };
    let mut reached = false;
    loop {
        let status = connector.status();
        reached |= status.connected || status.acknowledged > 0;
        line::write(out, &status, (common.json_status, synthetic, false))?;
        tokio::select! {
            biased;
            why = &mut stop => return Ok((why?, reached || connector.status().connected)),
            () = env.clock.sleep(every) => {}
        }
    }
}

/// The final line, and whether the run counts as a success.
pub(crate) fn finish(
    out: &mut (dyn Write + Send),
    common: &Common,
    status: Status,
    synthetic: bool,
    (why, reached): (Stop, bool),
) -> Result<(), AppError> {
    line::write(out, &status, (common.json_status, synthetic, true))?;
    if why == Stop::Time && !reached {
        let Some(last) = status.last_error else { return Err(AppError::NeverConnected("no attempt".to_owned())) };
        let told = format!("{}: {}", last.code, last.message);
        // A matter of keys, certificates and pins does not mend itself, as a server that is away does.
        let trust = ["PIN_", "DEVICE_", "CERT_", "TLS_", "DECRYPT", "NOISE", "HANDSHAKE_REFUSED", "REFUSED", "LEDGER_"];
        let ours = trust.iter().any(|start| last.code.starts_with(start));
        return Err(if ours { AppError::NotTrusted(told) } else { AppError::NeverConnected(told) });
    }
    Ok(())
}
