//! Whether a row's text is true of a path in an image. The words are those of the head of `docs/guides.md`.

use super::image::{Found, Image, Kind};
use super::{certificate, object};

/// Holds a text against what is at a path; the error says what is there instead.
pub(crate) fn check(image: &Image, path: &str, text: &str) -> Result<(), String> {
    let found = image.find(path);
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    if word == "absent" {
        return match found {
            None => Ok(()),
            Some(_) => Err("it is there".to_owned()),
        };
    }
    let found = found.ok_or("there is no such path")?;
    match word {
        "directory" => is(found.kind == Kind::Directory, &found.kind),
        "file" => is(!found.content.is_empty(), &found.kind),
        "mode" => {
            let mode = format!("{:04o}", found.mode);
            is(mode == rest, &mode)
        }
        "owner" => {
            let owner = format!("{}:{}", found.uid, found.gid);
            is(owner == rest, &owner)
        }
        "link" if rest.starts_with("to ") => {
            let target = String::from_utf8_lossy(&found.content).into_owned();
            is(
                found.kind == Kind::Link && rest == format!("to {target}"),
                &(found.kind, target),
            )
        }
        "without" => {
            let text = text_of(&found)?;
            let line = text.lines().find(|line| line.contains(rest));
            line.map_or(Ok(()), |line| Err(format!("it has `{line}`")))
        }
        "acl" => {
            let entries = image.access_list(path);
            is(entries.iter().any(|entry| entry == rest), &entries)
        }
        "selinux" => {
            let context = image.attribute(path, "security.selinux");
            let shown = String::from_utf8_lossy(&context).into_owned();
            is(context.strip_suffix(b"\0") == Some(rest.as_bytes()), &shown)
        }
        "field" => object::field(text_of(&found)?, rest),
        "object" => object::object(text_of(&found)?, rest),
        "package" => {
            let there = text_of(&found)?.lines().any(|line| line == rest);
            is(there, &"no such line")
        }
        "subject" | "issuer" | "san" | "key" | "days" | "usage" => {
            certificate::check(text_of(&found)?, word, rest)
        }
        _ => match text_of(&found)?.lines().any(|line| line.contains(text)) {
            true => Ok(()),
            false => Err(format!("not in it: {}", nearest(text_of(&found)?, text))),
        },
    }
}

fn is(true_of_it: bool, shown: &dyn std::fmt::Debug) -> Result<(), String> {
    match true_of_it {
        true => Ok(()),
        false => Err(format!("it is {shown:?}")),
    }
}

fn text_of(found: &Found) -> Result<&str, String> {
    if found.kind != Kind::File {
        return Err(format!("it is {:?}", found.kind));
    }
    std::str::from_utf8(&found.content).map_err(|_| "it is no text".to_owned())
}

/// The line that begins like a text, for whoever mends one of them.
fn nearest<'a>(content: &'a str, text: &str) -> &'a str {
    let stem = text.split(['=', ':', ' ']).next().unwrap_or(text);
    content
        .lines()
        .find(|line| line.contains(stem))
        .map_or("no line like it", str::trim)
}
