//! Decimal arithmetic of `addf`, `subf`, `mulf`, `divf`, so that 0.1 + 0.2 is 0.3.
//!
//! These are the rules of Go's `shopspring/decimal`: exact sums and products of any length, quotients rounded to 16
//! places. Crates of fixed size overflow at numbers that a float holds; this is a number and an exponent on
//! `num-bigint`.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

use crate::strconv::{FloatForm, FloatSize, format_float};

/// Places after the point of a quotient that does not end before.
const DIVISION_PLACES: i64 = 16;

/// `digits` × 10^`exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that reads back as `x`. The error is Go's panic text.
    pub(super) fn from_float(x: f64) -> Result<Self, String> {
        if !x.is_finite() {
            let text = format_float(x, FloatForm::General, None, FloatSize::Bits64);
            return Err(format!("Cannot create a Decimal from {text}"));
        }
        // One digit, a point, the others, and an exponent: -1.25e-07.
        let text = format_float(x, FloatForm::Exponent, None, FloatSize::Bits64);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent.parse().unwrap_or(0);
        let places = i64::try_from(fraction.len()).unwrap_or(0);
        Ok(Self {
            digits: [whole, fraction].concat().parse().unwrap_or_default(),
            exponent: exponent - places,
        })
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        // Rust reads decimals with correct rounding, infinity above the range.
        format!("{}e{}", self.digits, self.exponent)
            .parse()
            .unwrap_or(0.0)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self {
            digits: self.at(exponent) + other.at(exponent),
            exponent,
        }
    }

    pub(super) fn subtract(&self, other: &Self) -> Self {
        let negated = Self {
            digits: -&other.digits,
            exponent: other.exponent,
        };
        self.add(&negated)
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        Self {
            digits: &self.digits * &other.digits,
            exponent: self.exponent + other.exponent,
        }
    }

    /// The quotient to 16 places, halves away from zero. The error is Go's panic text.
    pub(super) fn divide(&self, other: &Self) -> Result<Self, String> {
        if other.digits.sign() == Sign::NoSign {
            return Err("decimal division by 0".to_owned());
        }
        let shift = self.exponent - other.exponent + DIVISION_PLACES;
        let (dividend, divisor) = if shift < 0 {
            (self.digits.clone(), &other.digits * power_of_ten(-shift))
        } else {
            (&self.digits * power_of_ten(shift), other.digits.clone())
        };
        let mut quotient = &dividend / &divisor;
        let twice_remainder = (&dividend % &divisor).magnitude() * 2_u32;
        if twice_remainder.cmp(divisor.magnitude()) != Ordering::Less {
            if dividend.sign() == divisor.sign() {
                quotient += 1;
            } else {
                quotient -= 1;
            }
        }
        Ok(Self {
            digits: quotient,
            exponent: -DIVISION_PLACES,
        })
    }

    /// Bits of work and memory that one more operation may cost: what the caller charges.
    pub(super) fn size(&self) -> u64 {
        self.digits.bits() + self.exponent.unsigned_abs().saturating_mul(4)
    }

    /// The digits for a smaller exponent.
    fn at(&self, exponent: i64) -> BigInt {
        &self.digits * power_of_ten(self.exponent - exponent)
    }
}

/// 10^`n` for n ≥ 0.
fn power_of_ten(n: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(n).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(x: f64) -> Decimal {
        Decimal::from_float(x).unwrap()
    }

    fn exactly(left: f64, right: f64) -> bool {
        left.to_bits() == right.to_bits()
    }

    #[test]
    fn sums_and_products_are_exact() {
        assert!(exactly(decimal(0.1).add(&decimal(0.2)).to_float(), 0.3));
        assert!(exactly(decimal(1.5).subtract(&decimal(0.1)).to_float(), 1.4));
        assert!(exactly(decimal(1.1).multiply(&decimal(3.0)).to_float(), 3.3));
        assert!(exactly(decimal(1e308).add(&decimal(1e-308)).to_float(), 1e308));
    }

    #[test]
    fn quotients_round_at_sixteen_places() {
        assert!(exactly(
            decimal(10.0).divide(&decimal(3.0)).unwrap().to_float(),
            3.333_333_333_333_333_5
        ));
        assert!(exactly(
            decimal(-2.0).divide(&decimal(3.0)).unwrap().to_float(),
            -0.666_666_666_666_666_7
        ));
        assert!(exactly(
            decimal(1e-20).divide(&decimal(1.0)).unwrap().to_float(),
            0.0
        ));
        assert_eq!(
            decimal(1.0).divide(&decimal(0.0)).unwrap_err(),
            "decimal division by 0"
        );
    }

    #[test]
    fn infinities_and_nan_are_no_decimals() {
        assert_eq!(
            Decimal::from_float(f64::INFINITY).unwrap_err(),
            "Cannot create a Decimal from +Inf"
        );
        assert_eq!(
            Decimal::from_float(f64::NAN).unwrap_err(),
            "Cannot create a Decimal from NaN"
        );
    }
}
