//! The handshake: the connector challenges, the terminal proves, the connector proves in return.

use super::fields::{Field, layout};
use aitrading_model::AccountId;

/// Connector: prove that you know the account's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Random, drawn for this connection.
    pub nonce: [u8; 32],
}
layout!(Challenge { nonce });

/// Terminal: who it is, and the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Number of the [`super::Role`] that the connection asks for.
    pub role: u8,
    /// Login.
    pub account: AccountId,
    /// This run of the program: the same on all five connections, another after every start.
    pub instance: [u8; 16],
    /// The terminal's nonce.
    pub nonce: [u8; 32],
    /// The trade server's name.
    pub server: String,
    /// Program name and version.
    pub program: String,
    /// HMAC-SHA256 of [`proof_input`] under the account's secret.
    pub proof: [u8; 32],
}
layout!(Hello { role, account, instance, nonce, server, program, proof });

/// Connector: come in; and it knows the secret too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// HMAC-SHA256 of [`proof_input`] under the account's secret.
    pub proof: [u8; 32],
}
layout!(Accept { proof });

/// Either side: no. The connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refuse {
    /// Stable code.
    pub code: String,
    /// Cause and cure.
    pub text: String,
}
layout!(Refuse { code, text });

/// Whose proof it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofSide {
    /// The terminal's, in [`Hello`].
    Terminal,
    /// The connector's, in [`Accept`].
    Connector,
}

/// The bytes that a proof covers: a label for the side, then role, both nonces and everything else that the hello says. A
/// proof of one side can so never stand for the other's, nor one connection's for another.
#[must_use]
pub fn proof_input(side: ProofSide, challenge: &Challenge, hello: &Hello) -> Vec<u8> {
    let label: &[u8] = match side {
        ProofSide::Terminal => b"aitrading ea link 1 terminal\0",
        ProofSide::Connector => b"aitrading ea link 1 connector\0",
    };
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(label);
    hello.role.put(&mut out);
    challenge.nonce.put(&mut out);
    hello.nonce.put(&mut out);
    hello.account.put(&mut out);
    hello.instance.put(&mut out);
    hello.server.put(&mut out);
    hello.program.put(&mut out);
    out
}
