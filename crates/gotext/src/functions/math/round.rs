//! `round`, and Go's way to a power of ten, whose last bit decides where numbers near a half go.

/// Rounds to `places` places after the point; a part of at least `round_on` goes up, always towards +∞.
pub(super) fn round(x: f64, places: i64, round_on: f64) -> f64 {
    let power = power_of_ten(places);
    let digit = power * x;
    let rounded = if digit.fract() >= round_on {
        digit.ceil()
    } else {
        digit.floor()
    };
    rounded / power
}

/// `math.Pow(10, n)`: repeated squaring of a fraction and its binary exponent. The standard library's power may
/// differ in the last bit.
fn power_of_ten(n: i64) -> f64 {
    // Far beyond what a float holds, so that the exponent below cannot overflow.
    const ENOUGH: i64 = 400;
    match n {
        0 => return 1.0,
        1 => return 10.0,
        _ if n < -ENOUGH => return 0.0,
        _ if n > ENOUGH => return f64::INFINITY,
        _ => {}
    }
    // 10 is 0.625 × 2^4.
    let (mut square, mut square_exponent) = (0.625_f64, 4_i32);
    let (mut fraction, mut exponent) = (1.0_f64, 0_i32);
    let mut bits = n.unsigned_abs();
    while bits != 0 {
        if bits & 1 == 1 {
            fraction *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square *= 2.0;
            square_exponent -= 1;
        }
        bits >>= 1;
    }
    if n < 0 {
        scaled(1.0 / fraction, -exponent)
    } else {
        scaled(fraction, exponent)
    }
}

/// `fraction` × 2^`exponent`, rounded once.
fn scaled(fraction: f64, exponent: i32) -> f64 {
    // Half-way steps stay within the range of normal floats.
    const STEP: i32 = 60;
    match exponent {
        ..-1100 => 0.0,
        1100.. => f64::INFINITY,
        -1100..0 => fraction * 2_f64.powi(exponent + STEP) * 2_f64.powi(-STEP),
        _ => fraction * 2_f64.powi(exponent - STEP) * 2_f64.powi(STEP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up_by_default_and_negative_numbers_down() {
        for (x, places, want) in [
            (2.71, 1, 2.7),
            (2.5, 0, 3.0),
            (-2.5, 0, -3.0),
            (-2.4, 0, -3.0),
            (1234.5, -2, 1200.0),
            (123.555_55, 3, 123.556),
        ] {
            assert_eq!(round(x, places, 0.5).to_bits(), f64::to_bits(want), "{x}");
        }
        assert!(round(1.0, -500, 0.5).is_nan());
        assert!(round(f64::INFINITY, 2, 0.5).is_infinite());
    }

    #[test]
    fn powers_of_ten_are_gos_to_the_last_bit() {
        for (n, want) in [
            (2, 100.0),
            (22, 1e22),
            (-1, 0.1),
            (-3, 0.001),
            (100, 1.000_000_000_000_000_2e100),
            (308, 1.000_000_000_000_000_6e308),
            (-308, 9.999_999_999_999_994e-309),
            (-323, 1e-323),
            (-324, 0.0),
        ] {
            assert_eq!(power_of_ten(n).to_bits(), f64::to_bits(want), "{n}");
        }
    }
}
