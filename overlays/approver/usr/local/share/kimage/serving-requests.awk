# Prints the names of those requests for certificates that a kubelet of this cluster has made for itself as a server.
#
#   awk -v signer=kubernetes.io/kubelet-serving -f serving-requests.awk /etc/kubernetes/nodes REQUESTS
#
# The first file has a node a line: its name and its address. The second has a request a line, as `approve` says. All
# that comes from a request is compared as hexadecimal digits and never as text, so that no byte of it means anything
# here. A request (RFC 2986, DER in PEM) must have exactly the form that kubelets write, in which every byte is either
# known beforehand, or the public key, or the signature; anything else is nobody's. Plain POSIX awk.

BEGIN {
  for (i = 0; i < 256; i++) {
    digits = sprintf("%02x", i)
    value[digits] = i
    if (i > 0) {
      hex[sprintf("%c", i)] = digits
    }
  }
  # Base64 of the largest request that is looked at; one of RSA 4096 has 2,400.
  largest = 8192
  alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  for (i = 0; i < 64; i++) {
    sextet[substr(alphabet, i + 1, 1)] = i
    sextet_of[as_hex(substr(alphabet, i + 1, 1))] = i
  }
  pem_begin = as_hex("-----BEGIN CERTIFICATE REQUEST-----\n")
  pem_end = as_hex("-----END CERTIFICATE REQUEST-----\n")
  organization = "060355040a"
  common_name = "0603550403"
  extension_request = "06092a864886f70d01090e"
  subject_alternative_name = "0603551d11"
}

FILENAME == ARGV[1] {
  if (NF == 2) {
    node = as_hex($1)
    known[node] = 1
    # As they stand in a request: a name is [2], an address is [7] of four bytes.
    may[node, "82" node] = 1
    split($2, part, ".")
    may[node, "87" sprintf("%02x%02x%02x%02x", part[1], part[2], part[3], part[4])] = 1
  }
  next
}

NF == 6 {
  for (i = 1; i <= 6; i++) {
    field[i] = substr($i, 2)
  }
  if (is_kubelets(field[2], field[3], field[4], field[5], field[6])) {
    name = as_name(field[1])
    if (name != "") {
      print name
    }
  }
}

function is_kubelets(user, groups, asked, usages, request,    prefix, node, n, list, i, server) {
  prefix = as_hex("system:node:")
  if (substr(user, 1, length(prefix)) != prefix) {
    return 0
  }
  node = substr(user, length(prefix) + 1)
  if (length(request) > largest || !(node in known) || asked != as_hex(signer)) {
    return 0
  }
  if (index("," groups, "," as_hex("system:nodes") ",") == 0) {
    return 0
  }
  server = 0
  n = split(usages, list, ",")
  for (i = 1; i < n; i++) {
    if (list[i] == as_hex("server auth")) {
      server = 1
    } else if (list[i] != as_hex("digital signature") && list[i] != as_hex("key encipherment")) {
      return 0
    }
  }
  return server && list[n] == "" && asks_for(unpack_pem(decode(request)), node)
}

# Whether a request is one of a node: CertificationRequest of RFC 2986.
function asks_for(der, node,    whole, info, subject, extensions, names, name, any) {
  bad = 0
  rest = der
  whole = take("30")
  end_of(rest)
  rest = whole
  info = take("30")
  # The algorithm and the signature, which the API server has verified.
  take("30")
  take("03")
  end_of(rest)

  rest = info
  if (take("02") != "00") {
    bad = 1
  }
  subject = take("30")
  # The public key.
  take("30")
  extensions = take("a0")
  end_of(rest)

  rest = subject
  attribute(organization, as_hex("system:nodes"))
  attribute(common_name, as_hex("system:node:") node)
  end_of(rest)

  # One attribute, which asks for one extension.
  rest = extensions
  rest = take_only("30")
  literal(extension_request)
  rest = take_only("31")
  rest = take_only("30")
  rest = take_only("30")
  literal(subject_alternative_name)
  # Critical or not.
  if (substr(rest, 1, 6) == "0101ff") {
    literal("0101ff")
  }
  rest = take_only("04")
  names = take_only("30")

  rest = names
  any = 0
  while (!bad && rest != "") {
    name = substr(rest, 1, 2)
    if (name != "82" && name != "87") {
      return 0
    }
    name = name take(name)
    if (bad || !((node, name) in may)) {
      return 0
    }
    any = 1
  }
  return any && !bad
}

# One attribute of a name, alone in its set, as PrintableString or UTF8String.
function attribute(type, text,    set, behind, value_tag) {
  set = take("31")
  behind = rest
  rest = set
  rest = take_only("30")
  literal(type)
  value_tag = substr(rest, 1, 2)
  if ((value_tag != "13" && value_tag != "0c") || take_only(value_tag) != text) {
    bad = 1
  }
  rest = behind
}

# Takes the value of a tag from the front of `rest`; the length must be written as shortly as can be.
function take(tag,    size, many, content) {
  if (bad || substr(rest, 1, 2) != tag || length(rest) < 4) {
    bad = 1
    return ""
  }
  size = value[substr(rest, 3, 2)]
  rest = substr(rest, 5)
  if (size > 127) {
    many = size - 128
    if (many < 1 || many > 2 || length(rest) < 2 * many) {
      bad = 1
      return ""
    }
    size = value[substr(rest, 1, 2)]
    if (many == 2) {
      size = 256 * size + value[substr(rest, 3, 2)]
    }
    if (size < (many == 1 ? 128 : 256)) {
      bad = 1
      return ""
    }
    rest = substr(rest, 2 * many + 1)
  }
  if (length(rest) < 2 * size) {
    bad = 1
    return ""
  }
  content = substr(rest, 1, 2 * size)
  rest = substr(rest, 2 * size + 1)
  return content
}

# The same, with nothing behind it.
function take_only(tag,    content) {
  content = take(tag)
  end_of(rest)
  return content
}

function literal(digits) {
  if (substr(rest, 1, length(digits)) != digits) {
    bad = 1
  }
  rest = substr(rest, length(digits) + 1)
}

function end_of(digits) {
  if (digits != "") {
    bad = 1
  }
}

# The bytes of one PEM block of a request, with nothing before, behind or beside it.
function unpack_pem(pem,    body, i, letter, text) {
  if (substr(pem, 1, length(pem_begin)) != pem_begin ||
      length(pem) < length(pem_begin) + length(pem_end) ||
      substr(pem, length(pem) - length(pem_end) + 1) != pem_end) {
    return ""
  }
  body = substr(pem, length(pem_begin) + 1, length(pem) - length(pem_begin) - length(pem_end))
  text = ""
  for (i = 1; i < length(body); i += 2) {
    letter = substr(body, i, 2)
    if (letter == "0a") {
      continue
    }
    if (letter == "3d") {
      text = text "="
    } else if (letter in sextet_of) {
      text = text substr(alphabet, sextet_of[letter] + 1, 1)
    } else {
      return ""
    }
  }
  return decode(text)
}

# Base64 to hexadecimal digits; empty if it is none.
function decode(text,    i, j, letter, number, bytes, size, padding) {
  size = length(text)
  if (size % 4 != 0) {
    return ""
  }
  bytes = ""
  for (i = 1; i <= size; i += 4) {
    number = 0
    padding = 0
    for (j = 0; j < 4; j++) {
      letter = substr(text, i + j, 1)
      number *= 64
      if (letter == "=" && i + 4 > size && j > 1) {
        padding++
      } else if (letter in sextet && padding == 0) {
        number += sextet[letter]
      } else {
        return ""
      }
    }
    bytes = bytes substr(sprintf("%06x", number), 1, 6 - 2 * padding)
  }
  return bytes
}

# A name that is one word of a command line and no option, or nothing.
function as_name(digits,    i, letter, text) {
  text = ""
  for (i = 1; i < length(digits); i += 2) {
    letter = sprintf("%c", value[substr(digits, i, 2)])
    if (letter !~ /^[a-z0-9-]$/ || (text == "" && letter == "-")) {
      return ""
    }
    text = text letter
  }
  return text
}

function as_hex(text,    i, digits) {
  digits = ""
  for (i = 1; i <= length(text); i++) {
    digits = digits hex[substr(text, i, 1)]
  }
  return digits
}
