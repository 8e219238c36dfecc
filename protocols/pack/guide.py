"""``VERIFY.md``: the checks of a pack with coreutils and openssl, for somebody without us.

Its commands are run as written by a test. They find layout and keys by themselves, so the
text is the same in every pack but for its head.
"""

from __future__ import annotations

_GUIDE = """\
# 如何自行核验本证据包 / How to verify this evidence pack

{about}

**中文** 本包内所有签名与证明均为公开标准格式（BagIt、COSE、RFC 9162、C2SP）。
最简便的方法：在浏览器中打开 `verify.html` 并选择本文件夹；
或运行 `evidock-verify 本文件夹 --trust trust.json`，它核验得更全面。
`data/trust.json` 与 `data/keys/` 中的密钥来自导出方：请通过其他途径取得信任文件并比对，
否则不能排除整包伪造。下面的命令只需要 coreutils、diffutils、findutils、
sed、grep 与 OpenSSL 3。请在本文件夹中用 `bash` 一次全部执行（命令见下）。
成功时最后显示 `passed`；不通过时显示 `FAILED`，并指明步骤与文件。

**English** Everything here is in published formats (BagIt, COSE, RFC 9162, C2SP notes and proofs).
The easy ways: open `verify.html` in a browser and drop this folder on it, or, more thorough, run
`evidock-verify FOLDER --trust trust.json`. The keys in `data/keys/` and
`data/trust.json` came with the pack: get the trust file another way and compare, or the whole
pack may be forged.
The commands below need coreutils, diffutils, findutils, sed, grep and OpenSSL 3. Run them in this
folder with `bash`, all in one go. In the end it says `passed`; or it stops at the first failure
with `FAILED`, the step and the file:

    bash <(sed -n '/^```sh/,/^```/p' VERIFY.md | grep -v '^```') && echo passed

They stand in one pair of parentheses, from block 0 to block 7. Whoever pastes them pastes all of
them: nothing runs before the last line, and a failure does not close the shell.

## 0 Tools

```sh
( # a shell of its own, up to the end of the last block
set -euo pipefail
export LC_ALL=C
T=$(mktemp -d) doing='0 tools' file=
ended() {{
  [ "$1" = 0 ] || echo "FAILED / 不通过: block $doing${{file:+: $file}}" >&2
  rm -rf "$T"
}}
trap 'ended $?' EXIT
hex() {{ od -An -v -tx1 | tr -d ' \\n'; }}
unhex() {{ tr a-f A-F | basenc --base16 -d; }}
sha() {{ sha256sum | cut -c1-64; }}
```

## 1 The pack is complete: every file as listed, and none besides (step 1)

```sh
doing='1 files of the pack' file=manifest-sha256.txt
sha256sum -c --quiet --strict manifest-sha256.txt
file=tagmanifest-sha256.txt
sha256sum -c --quiet --strict tagmanifest-sha256.txt
file='a file that is not listed, or a listed one that is not there'
find . -type f ! -path ./tagmanifest-sha256.txt | cut -c3- | sort > "$T/there"
cat manifest-sha256.txt tagmanifest-sha256.txt | cut -c67- | sort | diff - "$T/there"
file=$(find . -type l)
test -z "$file"
```

## 2 The originals are what was sealed (step 2)

Each `clip.sealed` record states the SHA-256 of a clip; every original has to have one of them.

```sh
doing='2 originals' file=data/records
cat data/records/*.json | grep -F '"kind":"clip.sealed"' | grep -o '"sha256":"[0-9a-f]*"' |
  cut -d'"' -f4 | sort -u > "$T/sealed"
file=data/originals
find data/originals -type f > "$T/originals"
while read -r file; do
  sha < "$file" | grep -qxFf "$T/sealed"
done < "$T/originals"
```

## 3 Each record is the one its statement is over (step 3)

The statement ends with the record's SHA-256 and a signature of 64 bytes.

```sh
doing='3 a record is not the one its statement is over'
for s in data/statements/*.cose; do
  r=data/records/$(basename "$s" .cose).json
  [ -e "$r" ] || continue # withheld: it speaks of somebody else's clip
  file=$r
  test "$(tail -c 98 "$s" | head -c 32 | hex)" = "$(sha < "$r")"
done
```

## 4 Each statement is signed by a key of `data/keys/` (step 4)

What is signed is the `Sig_structure` of RFC 9052; the header names the key by the SHA-256 of its
SubjectPublicKeyInfo. Which keys may sign, and from where to where, say the records
`log.opened`, `dock.enrolled`, `key.rotated` (from the entry after it on the key in it signs; the
file has that entry's name), `dock.key.rotated` and `dock.revoked`: read them. `evidock-verify`
does it for you.

```sh
doing='4 signature of a statement'
for k in data/keys/*.pem; do
  file=$k
  echo "$(openssl pkey -pubin -in "$k" -outform DER | sha) $k"
done > "$T/keys"
for s in data/statements/*.cose; do
  file=$s n=$(stat -c %s "$s")
  k=$(while read -r kid pem; do
    hex < "$s" | grep -q "045820$kid" && echo "$pem"
  done < "$T/keys" || true)
  test -n "$k" || {{ file="$s: no key here for it"; exit 1; }}
  {{ printf '\\204\\152Signature1'; tail -c +3 "$s" | head -c $((n - 103))
    printf '\\100'; tail -c 100 "$s" | head -c 34; }} > "$T/signed"
  x=$(tail -c 64 "$s" | hex)
  printf 'asn1=SEQUENCE:rs\\n[rs]\\nr=INTEGER:0x%s\\ns=INTEGER:0x%s\\n' \\
    "${{x:0:64}}" "${{x:64}}" > "$T/asn1"
  openssl asn1parse -genconf "$T/asn1" -noout -out "$T/signature"
  openssl dgst -sha256 -verify "$k" -signature "$T/signature" "$T/signed" > /dev/null
done
```

## 5 The checkpoint is signed by the log (step 7)

```sh
doing='5 signature of the checkpoint' file=data/checkpoint.note
sed '/^$/,$d' data/checkpoint.note > "$T/text"
grep -a -m1 "^$(printf '\\342\\200\\224') $(head -n1 "$T/text") " data/checkpoint.note |
  sed 's/.* //' | base64 -d | tail -c +5 > "$T/signature"
openssl pkeyutl -verify -pubin -inkey data/keys/log-checkpoint.pem -rawin \\
  -in "$T/text" -sigfile "$T/signature" > /dev/null
```

## 6 Each statement is in the log of that checkpoint (step 6)

The way from the leaf to the root (RFC 9162 section 2.1.3.2), from the C2SP proof of each entry.

```sh
doing='6 place in the log'
size=$(sed -n 2p "$T/text")
root=$(sed -n 3p "$T/text" | base64 -d | hex)
for p in data/proofs/*.tlog-proof; do
  file=$p s=data/statements/$(basename "$p" .tlog-proof).cose
  node=$(sed -n 's/^index //p' "$p" | head -n1)
  last=$((size - 1))
  hash=$({{ printf '\\000'; cat "$s"; }} | sha)
  for step in $(sed '1,2d;/^$/,$d' "$p"); do
    other=$(printf %s "$step" | base64 -d | hex)
    if [ $((node % 2)) = 1 ] || [ "$node" = "$last" ]; then
      hash=$(printf '01%s%s' "$other" "$hash" | unhex | sha)
      while [ $((node % 2)) = 0 ] && [ "$node" != 0 ]; do
        node=$((node / 2)) last=$((last / 2))
      done
    else
      hash=$(printf '01%s%s' "$hash" "$other" | unhex | sha)
    fi
    node=$((node / 2)) last=$((last / 2))
  done
  sed '1,/^$/d' "$p" | diff -q - data/checkpoint.note > /dev/null
  test "$last" = 0 && test "$hash" = "$root"
done
```

Each receipt (RFC 9942) is a signature of the receipt key over that very root.

```sh
doing='6 signature of a receipt'
for s in data/receipts/*.cose; do
  file=$s n=$((16#$(head -c 4 "$s" | tail -c 1 | hex)))
  {{ printf '\\204\\152Signature1'; tail -c +3 "$s" | head -c $((n + 2))
    printf '\\100\\130\\040'; printf %s "$root" | unhex; }} > "$T/signed"
  x=$(tail -c 64 "$s" | hex)
  printf 'asn1=SEQUENCE:rs\\n[rs]\\nr=INTEGER:0x%s\\ns=INTEGER:0x%s\\n' \\
    "${{x:0:64}}" "${{x:64}}" > "$T/asn1"
  openssl asn1parse -genconf "$T/asn1" -noout -out "$T/signature"
  openssl dgst -sha256 -verify data/keys/gateway-receipt.pem -signature "$T/signature" \\
    "$T/signed" > /dev/null
done
echo "checked: files, originals, records, signatures, checkpoint, inclusion"
```

## 7 Time stamps, if there are any (step 8)

Each `data/timestamps/N.tsr` is an RFC 3161 answer over the text of the checkpoint `N.note`. Name
the root certificates of the authorities that you trust, from elsewhere:
`export TSA_ROOTS=roots.pem`.
The certificates have to be valid at the time of the stamp, not today. `data/ways/N.txt` ties that
checkpoint to the one of this pack (RFC 9162 section 2.1.4.2).

```sh
doing='7 time stamp'
opened() {{ # a signed checkpoint; its text goes to $T/seen
  sed '/^$/,$d' "$1" > "$T/seen"
  grep -a -m1 "^$(printf '\\342\\200\\224') $(head -n1 "$T/seen") " "$1" |
    sed 's/.* //' | base64 -d | tail -c +5 > "$T/signature"
  openssl pkeyutl -verify -pubin -inkey data/keys/log-checkpoint.pem -rawin \\
    -in "$T/seen" -sigfile "$T/signature" > /dev/null
}}
ends() {{ # sizes and roots of two trees, the smaller first, and a file with the way
  local node=$(($1 - 1)) last=$(($3 - 1)) old= new= rest
  while [ $((node % 2)) = 1 ]; do node=$((node / 2)) last=$((last / 2)); done
  rest=$(while read -r step; do printf %s "$step" | base64 -d | hex; echo; done < "$5")
  [ "$node" != 0 ] || rest="$2 $rest"
  for other in $rest; do
    if [ -z "$old" ]; then old=$other new=$other; continue; fi
    if [ $((node % 2)) = 1 ] || [ "$node" = "$last" ]; then
      old=$(printf '01%s%s' "$other" "$old" | unhex | sha)
      new=$(printf '01%s%s' "$other" "$new" | unhex | sha)
      while [ $((node % 2)) = 0 ] && [ "$node" != 0 ]; do
        node=$((node / 2)) last=$((last / 2))
      done
    else
      new=$(printf '01%s%s' "$new" "$other" | unhex | sha)
    fi
    node=$((node / 2)) last=$((last / 2))
  done
  test "$last" = 0 && test "$old" = "$2" && test "$new" = "$4"
}}
for r in $(find data/timestamps -name '*.tsr' 2>/dev/null | sort); do
  file=$r
  [ -n "${{TSA_ROOTS:-}}" ] || {{ echo "not checked: time stamps, for lack of TSA_ROOTS"; break; }}
  opened "${{r%.tsr}}.note"
  at=$(openssl ts -reply -in "$r" -text 2> "$T/said" | sed -n 's/^Time stamp: //p')
  openssl ts -verify -in "$r" -data "$T/seen" -CAfile "$TSA_ROOTS" \\
    -attime "$(date -u -d "$at" +%s)" > /dev/null 2> "$T/said" || {{ cat "$T/said"; exit 1; }}
  n=$(sed -n 2p "$T/seen") seen=$(sed -n 3p "$T/seen" | base64 -d | hex)
  w=data/ways/$(basename "$r" .tsr).txt
  if [ "$n" = "$size" ]; then test "$seen" = "$root"
  elif [ "$n" -lt "$size" ]; then ends "$n" "$seen" "$size" "$root" "$w"
  else ends "$size" "$root" "$n" "$seen" "$w"; fi
  echo "checked: time stamps: entries below $n were in the log at $at"
done
)
```

## What these commands do not check / 以上命令不核验的内容

Whether the keys were enrolled and not revoked at each place of the log, whether the chains are
contiguous (step 5), the card's list complete (9), custody in order (10), and
witnesses (`--policy`): `evidock-verify` does.
密钥登记与吊销、链的连续性、清单是否齐全、保管顺序与见证：请用 `evidock-verify`。
"""


def guide(about: str) -> bytes:
    """The text, with one line that says what the pack is about."""
    return _GUIDE.format(about=about).encode()
