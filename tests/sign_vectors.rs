//! Signatures against published vectors, and against every vector of the shared file where it is
//! present.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use arb::venue::sign::Hash;
use arb::venue::sign::PublicKey;
use arb::venue::sign::Secret;
use arb::venue::sign::Signature;
use arb::venue::sign::SigningKey;
use arb::venue::sign::TokenError;
use arb::venue::sign::claimed_payload;
use arb::venue::sign::hmac;
use arb::venue::sign::sha512_hex;
use arb::venue::sign::token;
use arb::venue::sign::verified_payload;
use arb::venue::sign::verify_hmac;
use serde_json::Value;

/// Hex to bytes, independent of the code under test.
fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// Key, message, HMAC-SHA256 and HMAC-SHA512 of RFC 4231, test cases 1, 2, 3, 4, 6 and 7.
fn rfc_4231() -> Vec<(Vec<u8>, Vec<u8>, &'static str, &'static str)> {
    let counted: Vec<u8> = (1..=25).collect();
    let long_text = "This is a test using a larger than block-size key and a larger than \
                     block-size data. The key needs to be hashed before being used by the HMAC \
                     algorithm.";
    let hash_first = "Test Using Larger Than Block-Size Key - Hash Key First";
    vec![
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39\
             bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        ),
        (
            counted,
            vec![0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db\
             a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
        ),
        (
            vec![0xaa; 131],
            hash_first.into(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ),
        (
            vec![0xaa; 131],
            long_text.into(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944\
             b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
        ),
    ]
}

#[test]
fn the_hmacs_of_rfc_4231_are_reproduced_and_accepted() {
    for (key, message, sha256, sha512) in rfc_4231() {
        let secret = Secret::new(key);
        for (hash, expected) in [(Hash::Sha256, sha256), (Hash::Sha512, sha512)] {
            assert_eq!(hmac(hash, &secret, &message).hex(), expected);
            let signature = Signature::from_hex(expected).expect("hex");
            assert!(verify_hmac(hash, &secret, &message, &signature));
        }
    }
}

/// Seed, public key, message and signature of RFC 8032 section 7.1, tests 1, 2 and 3.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555\
         fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0\
         85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1\
         8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

#[test]
fn the_ed25519_signatures_of_rfc_8032_are_reproduced_and_accepted() {
    for [seed, public, message, signature] in RFC_8032 {
        let key = SigningKey::from_seed(&Secret::new(bytes(seed))).expect("a seed");
        let message = bytes(message);
        assert_eq!(key.public_key().hex(), public);
        assert_eq!(key.sign(&message).hex(), signature);
        let public = PublicKey::from_hex(public).expect("a public key");
        let signature = Signature::from_hex(signature).expect("hex");
        assert!(public.verify(&message, &signature));
        assert!(!public.verify(b"another message", &signature));
    }
}

const RFC_7515_KEY: &str = "0323354b2b0fa5bc837e0665777ba68f5ab328e6f054c928a90f84b2d2502ebf\
                            d3fb5a92d20647ef968ab4c377623d223d2e2172052e4f08c0cd9af567d080a3";
const RFC_7515_TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl\
     fQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[test]
fn the_token_of_rfc_7515_is_accepted_whatever_the_order_and_space_of_its_header() {
    let secret = Secret::new(bytes(RFC_7515_KEY));
    let payload = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \
                   \"http://example.com/is_root\":true}";
    assert_eq!(verified_payload(RFC_7515_TOKEN, &secret).as_deref(), Ok(payload));
    let (signed, signature) = RFC_7515_TOKEN.rsplit_once('.').expect("three parts");
    assert_eq!(hmac(Hash::Sha256, &secret, signed.as_bytes()).base64_url(), signature);
}

#[test]
fn the_sha512_of_fips_180_is_reproduced() {
    let expected = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                    2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    assert_eq!(sha512_hex(b"abc"), expected);
}

/// The vectors of the shared file by section; `None` where it is absent.
fn shared() -> Option<serde_json::Map<String, Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/auth_vectors.json");
    let Ok(text) = fs::read_to_string(path) else {
        println!("skipped: the shared fixtures are absent (auth_vectors.json)");
        return None;
    };
    let Ok(Value::Object(sections)) = serde_json::from_str(&text) else { panic!("no object") };
    Some(sections)
}

fn text<'v>(vector: &'v Value, field: &str) -> &'v str {
    vector[field].as_str().unwrap_or_else(|| panic!("no {field} in {vector}"))
}

/// An HMAC in hex or base64 over `payload` or `prehash`.
fn check_hmac(vector: &Value) {
    let secret = Secret::new(text(vector, "secret"));
    let field = if vector["payload"].is_string() { "payload" } else { "prehash" };
    let message = text(vector, field).as_bytes();
    let expected = text(vector, "signature");
    let signature = match text(vector, "alg") {
        "HMAC-SHA256 hex" => {
            assert_eq!(hmac(Hash::Sha256, &secret, message).hex(), expected, "{vector}");
            Signature::from_hex(expected)
        }
        "HMAC-SHA256 base64" => {
            assert_eq!(hmac(Hash::Sha256, &secret, message).base64(), expected, "{vector}");
            Signature::from_base64(expected)
        }
        other => panic!("an algorithm that nothing here checks: {other}"),
    };
    let signature = signature.expect("a signature");
    assert!(verify_hmac(Hash::Sha256, &secret, message, &signature));
}

/// What a token says without its secret: the document prints no secret, but its first two parts.
fn check_token_text(vector: &Value) {
    let (payload, printed) = (text(vector, "jwt_payload_json"), text(vector, "token"));
    let ours = token(Hash::Sha512, &Secret::new("any"), payload);
    let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
    assert_eq!(signed(&ours), signed(printed));
    assert_eq!(claimed_payload(printed).as_deref(), Ok(payload));
    let refused = verified_payload(printed, &Secret::new("any"));
    assert_eq!(refused, Err(TokenError::Signature));
}

/// A query hash without a token.
fn check_query_hash(vector: &Value) {
    let query = text(vector, "query_string_hashed");
    assert_eq!(sha512_hex(query.as_bytes()), text(vector, "query_hash"), "{vector}");
}

/// A token with its query hash, made and read.
fn check_token(vector: &Value) {
    if vector["token"].is_null() {
        return check_query_hash(vector);
    }
    if vector["secret"].is_null() {
        return check_token_text(vector);
    }
    let secret = Secret::new(text(vector, "secret"));
    let hash = match text(vector, "alg") {
        "HS256" => Hash::Sha256,
        "HS512" => Hash::Sha512,
        other => panic!("an algorithm that nothing here checks: {other}"),
    };
    let (payload, expected) = (text(vector, "jwt_payload_json"), text(vector, "token"));
    assert_eq!(token(hash, &secret, payload), expected, "{vector}");
    assert_eq!(text(vector, "authorization_header"), format!("Bearer {expected}"));
    assert_eq!(verified_payload(expected, &secret).as_deref(), Ok(payload));
    match &vector["query_string_hashed"] {
        Value::Null => assert!(!payload.contains("query_hash")),
        query => {
            let query = query.as_str().expect("text");
            assert_eq!(sha512_hex(query.as_bytes()), text(vector, "query_hash"), "{vector}");
            assert!(payload.contains(text(vector, "query_hash")));
        }
    }
}

fn check_ed25519(vector: &Value) {
    let message = match &vector["message"] {
        Value::String(message) => message.as_bytes().to_vec(),
        _ => bytes(text(vector, "message_hex")),
    };
    let seed = Secret::new(bytes(text(vector, "seed_hex")));
    let pem = Secret::new(text(vector, "pkcs8_pem"));
    for key in [SigningKey::from_seed(&seed), SigningKey::from_pem(&pem)] {
        let key = key.expect("a key");
        assert_eq!(key.public_key().hex(), text(vector, "public_key_hex"));
        assert_eq!(key.sign(&message).hex(), text(vector, "signature_hex"), "{vector}");
        assert_eq!(key.sign(&message).base64(), text(vector, "signature_base64"), "{vector}");
    }
    let public = PublicKey::from_hex(text(vector, "public_key_hex")).expect("a public key");
    let signature = Signature::from_base64(text(vector, "signature_base64")).expect("base64");
    assert!(public.verify(&message, &signature));
}

/// A signing input and its signature, without the parts that venues add.
fn check_jwt_reference(vector: &Value) {
    let (secret, hash) = match text(vector, "name") {
        "RFC7515_A.1_HS256" => (Secret::new(bytes(RFC_7515_KEY)), Hash::Sha256),
        "jwt.io_HS512_example" => (Secret::new(text(vector, "secret")), Hash::Sha512),
        other => panic!("a reference that nothing here checks: {other}"),
    };
    let (signed, signature) = (text(vector, "signing_input"), text(vector, "signature"));
    assert_eq!(hmac(hash, &secret, signed.as_bytes()).base64_url(), signature);
    verified_payload(&format!("{signed}.{signature}"), &secret).expect("a good token");
}

fn check_hmac_reference(vector: &Value) {
    let secret = Secret::new(text(vector, "key"));
    let message = text(vector, "msg").as_bytes();
    for (hash, field) in [(Hash::Sha256, "hmac_sha256"), (Hash::Sha512, "hmac_sha512")] {
        assert_eq!(hmac(hash, &secret, message).hex(), text(vector, field));
    }
}

#[test]
fn every_vector_of_the_shared_file_is_reproduced_and_accepted() {
    let Some(sections) = shared() else { return };
    let mut checked = 0;
    for (section, vectors) in sections {
        let check: fn(&Value) = match section.as_str() {
            // Text about the file itself.
            "_note" => continue,
            // The file says of each why nobody outside can compute it.
            "unverifiable_published" => |vector| assert!(!text(vector, "why").is_empty()),
            "binance" | "bybit" | "okx" => check_hmac,
            "upbit" | "bithumb" => check_token,
            "ed25519" => check_ed25519,
            "jwt_reference" => check_jwt_reference,
            "hmac_reference" => check_hmac_reference,
            other => panic!("a section that nothing here checks: {other}"),
        };
        let vectors = vectors.as_array().expect("a list of vectors");
        vectors.iter().for_each(check);
        checked += vectors.len();
    }
    assert!(checked >= 40, "only {checked} vectors");
}
