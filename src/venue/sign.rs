//! Signatures of requests, made and verified: HMAC-SHA256/512, SHA-512, JWT HS256/HS512, Ed25519.
//!
//! Owns: the form of a secret in memory. Never: what is signed (each venue's documents say that),
//! sockets, files, the clock. Nothing here prints, logs or serializes a secret. Signatures are
//! compared in constant time, so that the exchange simulator leaks no more than a real one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::hmac;
use ring::signature::ED25519;
use ring::signature::Ed25519KeyPair;
use ring::signature::KeyPair;
use ring::signature::UnparsedPublicKey;
use serde::Deserialize;

/// Most characters of a token that is looked at: far above those of any venue here.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// A key that signs: the bytes of the text that the venue gave, or a seed. It has no `Display` and
/// no `Serialize`, and its `Debug` says nothing about it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps these bytes as they are; nothing is decoded.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(bytes.into())
    }

    /// True if there is nothing to sign with.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The hash under an HMAC or a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hash {
    /// SHA-256; `HS256` in a token.
    Sha256,
    /// SHA-512; `HS512` in a token.
    Sha512,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha512 => hmac::HMAC_SHA512,
        }
    }
    /// Header of a token, as the venues' documents print it.
    const fn header(self) -> &'static str {
        match self {
            Hash::Sha256 => r#"{"alg":"HS256","typ":"JWT"}"#,
            Hash::Sha512 => r#"{"alg":"HS512","typ":"JWT"}"#,
        }
    }
}

/// Bytes of a signature, which is public. Compare it through [`verify_hmac`] or
/// [`PublicKey::verify`] only: there is no `==` on it.
#[derive(Clone, Debug)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Lower-case hex, as Binance and Bybit want it.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
    /// Base64 with padding, as OKX and Binance (Ed25519) want it. `+`, `/` and `=` in it have to be
    /// percent-encoded in a query.
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
    /// Base64 for addresses without padding, as tokens want it.
    pub fn base64_url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
    /// The signature that [`Signature::hex`] wrote, in upper or lower case; `None` if it is none.
    pub fn from_hex(text: &str) -> Option<Signature> {
        unhex(text).map(Signature)
    }
    /// The signature that [`Signature::base64`] wrote; `None` if it is none.
    pub fn from_base64(text: &str) -> Option<Signature> {
        STANDARD.decode(text).ok().map(Signature)
    }
}

/// HMAC of a message under a secret.
pub fn hmac(hash: Hash, secret: &Secret, message: &[u8]) -> Signature {
    let key = hmac::Key::new(hash.hmac(), &secret.0);
    Signature(hmac::sign(&key, message).as_ref().to_vec())
}

/// True if `signature` is the HMAC of that message under that secret. In constant time.
pub fn verify_hmac(hash: Hash, secret: &Secret, message: &[u8], signature: &Signature) -> bool {
    let key = hmac::Key::new(hash.hmac(), &secret.0);
    hmac::verify(&key, message, &signature.0).is_ok()
}

/// SHA-512 in lower-case hex: the `query_hash` of Upbit and Bithumb.
pub fn sha512_hex(text: &[u8]) -> String {
    hex(digest::digest(&digest::SHA512, text).as_ref())
}

/// A signed token (RFC 7515, compact) with exactly this JSON as its payload.
pub fn token(hash: Hash, secret: &Secret, payload: &str) -> String {
    let signed = [URL_SAFE_NO_PAD.encode(hash.header()), URL_SAFE_NO_PAD.encode(payload)].join(".");
    let signature = hmac(hash, secret, signed.as_bytes());
    [signed, signature.base64_url()].join(".")
}

/// Why a token is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64 with a JSON header and text inside, or too long.
    #[error("no token of three parts")]
    Malformed,
    /// Signed in a way that is not taken here, or not at all.
    #[error("signed with another algorithm than HS256 or HS512")]
    Algorithm,
    /// Signed with another secret, or changed afterwards.
    #[error("the signature does not fit")]
    Signature,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The access key or whatever else a token says before anybody vouches for it: its payload. For
/// finding the secret that [`verified_payload`] then needs.
///
/// # Errors
/// `Malformed`.
pub fn claimed_payload(token: &str) -> Result<String, TokenError> {
    let (signed, _) = split(token)?;
    let (_, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    text_of(payload)
}

/// The payload of a token that this secret signed, with the hash that its header names.
///
/// # Errors
/// [`TokenError`].
pub fn verified_payload(token: &str, secret: &Secret) -> Result<String, TokenError> {
    let (signed, signature) = split(token)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let header = text_of(header)?;
    let header: Header = serde_json::from_str(&header).map_err(|_| TokenError::Malformed)?;
    let hash = match header.alg.as_str() {
        "HS256" => Hash::Sha256,
        "HS512" => Hash::Sha512,
        _ => return Err(TokenError::Algorithm),
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
    if !verify_hmac(hash, secret, signed.as_bytes(), &Signature(signature)) {
        return Err(TokenError::Signature);
    }
    text_of(payload)
}

/// What is signed, and the signature.
fn split(token: &str) -> Result<(&str, &str), TokenError> {
    let parts = token.rsplit_once('.').filter(|_| token.len() <= TOKEN_BYTES);
    parts.ok_or(TokenError::Malformed)
}

fn text_of(part: &str) -> Result<String, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    String::from_utf8(bytes).map_err(|_| TokenError::Malformed)
}

/// An Ed25519 key pair. Its `Debug` shows the public half only.
pub struct SigningKey(Ed25519KeyPair);

/// The bytes are no Ed25519 key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "no Ed25519 private key: 32 bytes, or PKCS#8 in PEM (`openssl genpkey -algorithm ed25519`)"
)]
pub struct KeyError;

impl SigningKey {
    /// The key of a 32-byte seed (RFC 8032).
    ///
    /// # Errors
    /// [`KeyError`] for any other length.
    pub fn from_seed(seed: &Secret) -> Result<SigningKey, KeyError> {
        Ed25519KeyPair::from_seed_unchecked(&seed.0).map(SigningKey).map_err(|_| KeyError)
    }

    /// The key in a PEM file as OpenSSL writes it: one `PRIVATE KEY`, PKCS#8 version 1 or 2.
    ///
    /// # Errors
    /// [`KeyError`] for everything else, also for an encrypted or a public key.
    pub fn from_pem(pem: &Secret) -> Result<SigningKey, KeyError> {
        let text = std::str::from_utf8(&pem.0).map_err(|_| KeyError)?;
        let (_, inside) = text.split_once("-----BEGIN PRIVATE KEY-----").ok_or(KeyError)?;
        let (inside, _) = inside.split_once("-----END PRIVATE KEY-----").ok_or(KeyError)?;
        let packed: String = inside.chars().filter(|sign| !sign.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(packed).map_err(|_| KeyError)?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(SigningKey).map_err(|_| KeyError)
    }

    /// Signs a message. The same message always gives the same signature.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).as_ref().to_vec())
    }

    /// The half that verifies.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(public {})", self.public_key().hex())
    }
}

/// An Ed25519 public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// The key that [`PublicKey::hex`] wrote; `None` if it is not 32 bytes.
    pub fn from_hex(text: &str) -> Option<PublicKey> {
        unhex(text).filter(|bytes| bytes.len() == 32).map(PublicKey)
    }
    /// Lower-case hex.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
    /// True if the other half of this key signed that message.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, &signature.0).is_ok()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let pair = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(pair).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_itself() {
        let secret = Secret::new("very-private");
        let key = SigningKey::from_seed(&Secret::new([7u8; 32])).expect("a seed");
        let shown = format!("{secret:?} {secret:#?} {key:?}");
        assert!(!shown.contains("private") && !shown.contains("0707"), "{shown}");
    }

    #[test]
    fn a_signature_fits_one_message_and_one_secret() {
        let (secret, other) = (Secret::new("a"), Secret::new("b"));
        for hash in [Hash::Sha256, Hash::Sha512] {
            let signature = hmac(hash, &secret, b"message");
            assert!(verify_hmac(hash, &secret, b"message", &signature));
            assert!(!verify_hmac(hash, &secret, b"messagf", &signature));
            assert!(!verify_hmac(hash, &other, b"message", &signature));
            let hex = signature.hex();
            let upper = Signature::from_hex(&hex.to_uppercase()).expect("hex");
            assert!(verify_hmac(hash, &secret, b"message", &upper));
            let cut = Signature::from_hex(&hex[2..]).expect("hex");
            assert!(!verify_hmac(hash, &secret, b"message", &cut));
            let none = Signature::from_hex("").expect("no bytes");
            assert!(!verify_hmac(hash, &secret, b"message", &none));
        }
    }

    #[test]
    fn text_that_is_no_signature_is_none() {
        for text in ["a", "0g", "+1", "\u{e9}0"] {
            assert!(Signature::from_hex(text).is_none(), "{text}");
        }
        for text in ["=", "AAA", "A-_=", "AA AA"] {
            assert!(Signature::from_base64(text).is_none(), "{text}");
        }
        let short = SigningKey::from_seed(&Secret::new([1u8; 31]));
        assert_eq!(short.map(|_| ()), Err(KeyError));
        let armour = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for pem in ["", "MC4C", armour] {
            assert_eq!(SigningKey::from_pem(&Secret::new(pem)).map(|_| ()), Err(KeyError));
        }
        assert_eq!(PublicKey::from_hex("00ff"), None);
    }

    #[test]
    fn a_token_is_read_by_its_own_secret_only() {
        let (secret, other) = (Secret::new("a"), Secret::new("b"));
        for hash in [Hash::Sha256, Hash::Sha512] {
            let token = token(hash, &secret, r#"{"access_key":"k"}"#);
            assert_eq!(verified_payload(&token, &secret).as_deref(), Ok(r#"{"access_key":"k"}"#));
            assert_eq!(claimed_payload(&token).as_deref(), Ok(r#"{"access_key":"k"}"#));
            assert_eq!(verified_payload(&token, &other), Err(TokenError::Signature));
            let mut parts: Vec<&str> = token.split('.').collect();
            let changed = URL_SAFE_NO_PAD.encode(r#"{"access_key":"x"}"#);
            parts[1] = &changed;
            assert_eq!(verified_payload(&parts.join("."), &secret), Err(TokenError::Signature));
        }
    }

    #[test]
    fn an_unsigned_token_is_refused_whatever_it_claims() {
        let secret = Secret::new("");
        let payload = URL_SAFE_NO_PAD.encode("{}");
        for alg in ["none", "None", "HS384", "RS256", ""] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            for signature in ["", "AAAA"] {
                let token = format!("{header}.{payload}.{signature}");
                assert_eq!(verified_payload(&token, &secret), Err(TokenError::Algorithm));
            }
        }
        for token in ["", ".", "..", "a.b", "a.b.c", "e30.e30.AA", "e30.e30.AA.AA"] {
            assert_eq!(verified_payload(token, &secret), Err(TokenError::Malformed), "{token}");
        }
        let long = "a".repeat(TOKEN_BYTES + 1);
        assert_eq!(claimed_payload(&format!("e30.{long}.AA")), Err(TokenError::Malformed));
    }
}
