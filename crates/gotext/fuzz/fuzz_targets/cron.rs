#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gotext_fuzz::cron(input));
