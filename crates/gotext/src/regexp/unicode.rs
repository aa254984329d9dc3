//! The classes behind `\p{…}`, by the names Go 1.26 knows, with the characters of Unicode 15.0.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use crate::unicode::{known, table};

/// The general categories, each with the name Go gives it beside its short one.
const CATEGORIES: &[(&str, &str)] = &[
    ("C", "Other"),
    ("Cc", "Control"),
    ("Cc", "Cntrl"),
    ("Cf", "Format"),
    ("Cn", "Unassigned"),
    ("Co", "Privateuse"),
    ("Cs", "Surrogate"),
    ("L", "Letter"),
    ("Lc", "Casedletter"),
    ("Ll", "Lowercaseletter"),
    ("Lm", "Modifierletter"),
    ("Lo", "Otherletter"),
    ("Lt", "Titlecaseletter"),
    ("Lu", "Uppercaseletter"),
    ("M", "Mark"),
    ("M", "Combiningmark"),
    ("Mc", "Spacingmark"),
    ("Me", "Enclosingmark"),
    ("Mn", "Nonspacingmark"),
    ("N", "Number"),
    ("Nd", "Decimalnumber"),
    ("Nd", "Digit"),
    ("Nl", "Letternumber"),
    ("No", "Othernumber"),
    ("P", "Punctuation"),
    ("P", "Punct"),
    ("Pc", "Connectorpunctuation"),
    ("Pd", "Dashpunctuation"),
    ("Pe", "Closepunctuation"),
    ("Pf", "Finalpunctuation"),
    ("Pi", "Initialpunctuation"),
    ("Po", "Otherpunctuation"),
    ("Ps", "Openpunctuation"),
    ("S", "Symbol"),
    ("Sc", "Currencysymbol"),
    ("Sk", "Modifiersymbol"),
    ("Sm", "Mathsymbol"),
    ("So", "Othersymbol"),
    ("Z", "Separator"),
    ("Zl", "Lineseparator"),
    ("Zp", "Paragraphseparator"),
    ("Zs", "Spaceseparator"),
];

/// The scripts Go 1.26 finds by name, which are those of one word.
#[rustfmt::skip]
const SCRIPTS: &[&str] = &[
    "Adlam", "Ahom", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Batak", "Bengali", "Bhaiksuki",
    "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Carian", "Chakma", "Cham", "Cherokee",
    "Chorasmian", "Common", "Coptic", "Cuneiform", "Cypriot", "Cyrillic", "Deseret", "Devanagari", "Dogra",
    "Duployan", "Elbasan", "Elymaic", "Ethiopic", "Georgian", "Glagolitic", "Gothic", "Grantha", "Greek",
    "Gujarati", "Gurmukhi", "Han", "Hangul", "Hanunoo", "Hatran", "Hebrew", "Hiragana", "Inherited",
    "Javanese", "Kaithi", "Kannada", "Katakana", "Kawi", "Kharoshthi", "Khmer", "Khojki", "Khudawadi",
    "Lao", "Latin", "Lepcha", "Limbu", "Lisu", "Lycian", "Lydian", "Mahajani", "Makasar", "Malayalam",
    "Mandaic", "Manichaean", "Marchen", "Medefaidrin", "Miao", "Modi", "Mongolian", "Mro", "Multani",
    "Myanmar", "Nabataean", "Nandinagari", "Newa", "Nko", "Nushu", "Ogham", "Oriya", "Osage", "Osmanya",
    "Palmyrene", "Phoenician", "Rejang", "Runic", "Samaritan", "Saurashtra", "Sharada", "Shavian",
    "Siddham", "Sinhala", "Sogdian", "Soyombo", "Sundanese", "Syriac", "Tagalog", "Tagbanwa", "Takri",
    "Tamil", "Tangsa", "Tangut", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Tirhuta", "Toto",
    "Ugaritic", "Vai", "Vithkuqi", "Wancho", "Yezidi", "Yi",
];

/// The characters a name stands for, or nothing where Go knows no such name.
pub(super) fn named(name: &str) -> Option<ClassUnicode> {
    let name = canonical(name);
    match name.as_str() {
        "Any" => return Some(ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])),
        "Ascii" => return Some(ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')])),
        "Assigned" => return Some(assigned()),
        _ => {}
    }
    if let Some((short, _)) = CATEGORIES
        .iter()
        .find(|(short, long)| *short == name || *long == name)
    {
        return Some(match *short {
            "Cn" => {
                let mut class = assigned();
                class.negate();
                class
            }
            "C" => {
                let mut class = assigned();
                class.negate();
                for part in ["Cc", "Cf", "Co"] {
                    class.union(&known(&format!("gc={part}")));
                }
                class
            }
            // No text has surrogates.
            "Cs" => ClassUnicode::empty(),
            short => known(&format!("gc={short}")),
        });
    }
    SCRIPTS
        .contains(&name.as_str())
        .then(|| known(&format!("sc={name}")))
}

/// Whether a name that stands for a class stands for `\p{LC}`.
pub(super) fn is_cased_letters(name: &[u8]) -> bool {
    str::from_utf8(name).is_ok_and(|name| matches!(canonical(name).as_str(), "Lc" | "Casedletter"))
}

/// The name with a first letter in upper case, the others in lower case, and no separators.
fn canonical(name: &str) -> String {
    let mut out = String::new();
    for character in name
        .chars()
        .filter(|character| !matches!(character, '_' | '-' | ' '))
    {
        out.push(if out.is_empty() {
            character.to_ascii_uppercase()
        } else {
            character.to_ascii_lowercase()
        });
    }
    out
}

fn assigned() -> ClassUnicode {
    let mut unassigned = table("gc=Cn");
    unassigned.negate();
    unassigned.intersect(&table("age=15.0"));
    unassigned
}
