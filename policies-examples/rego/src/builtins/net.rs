//! `net.cidr_*`: networks of addresses (RFC 4632, RFC 4291 §2.3).

use std::net::IpAddr;

use regorus::Value;

use super::{Builtin, Fault, text};

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        name: "net.cidr_contains",
        arguments: 2,
        call: contains,
    },
    Builtin {
        name: "net.cidr_intersects",
        arguments: 2,
        call: |arguments| {
            let (left, right) = (Network::of(arguments, 0)?, Network::of(arguments, 1)?);
            let wider = if left.bits <= right.bits {
                &left
            } else {
                &right
            };
            let narrower = if left.bits <= right.bits {
                &right
            } else {
                &left
            };
            Ok(wider.begins(narrower).into())
        },
    },
    Builtin {
        name: "net.cidr_is_valid",
        arguments: 1,
        call: |arguments| {
            let text = text(arguments, 0)?;
            Ok((text.contains('/') && Network::parse(text).is_some()).into())
        },
    },
];

pub(super) fn contains(arguments: &[Value]) -> Result<Value, Fault> {
    let (outer, inner) = (Network::of(arguments, 0)?, Network::of(arguments, 1)?);
    Ok((outer.bits <= inner.bits && outer.begins(&inner)).into())
}

/// A network, or an address, which is one of itself.
struct Network {
    /// The address in the upper bits.
    address: u128,
    bits: u32,
    is_v4: bool,
}

impl Network {
    fn of(arguments: &[Value], index: usize) -> Result<Network, Fault> {
        let text = text(arguments, index)?;
        let wrong = || Fault::Arguments(format!("{text:?} is no address and no network"));
        Network::parse(text).ok_or_else(wrong)
    }

    fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let (address, most, is_v4) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32, true),
            IpAddr::V6(address) => (address.to_bits(), 128, false),
        };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Network {
            address,
            bits,
            is_v4,
        })
    }

    fn begins(&self, other: &Network) -> bool {
        let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
        self.is_v4 == other.is_v4 && self.address & mask == other.address & mask
    }
}
