"""What of a URL is the picture's name, what only signs it, and what is never written down."""

from __future__ import annotations

import json
from itertools import combinations
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_nb.api import urls
from wan_nb.api.medium import Medium
from wan_nb.api.request import VideoRequest
from wan_nb.reporting.sections import without_secrets

AT = "https://store.example.org/photos/cat.jpg"
HEX = "0123456789abcdef" * 4
V4 = "X-{0}-Algorithm={0}4&X-{0}-Credential=id%2F1&X-{0}-Date={1}&X-{0}-Expires=60&X-{0}-SignedHeaders=host"

SIGNED = {
    "OSS V1": "OSSAccessKeyId=LTAI{n}&Expires=170000000{n}&Signature=s{n}%2B%3D&security-token=t{n}",
    "OSS V2": "x-oss-signature-version=OSS2&x-oss-access-key-id=L&x-oss-expires=17{n}&x-oss-signature=s{n}",
    "OSS V4": "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=L{n}%2F2026&x-oss-date=2026{n}&"
    "x-oss-expires=60&x-oss-additional-headers=host&x-oss-signature=s{n}&x-oss-security-token=t{n}",
    "S3 V2": "AWSAccessKeyId=AKIA{n}&Expires=17000000{n}&Signature=s{n}&x-amz-security-token=t{n}",
    "S3 V4": V4.format("Amz", "{n}") + "&X-Amz-Signature=s{n}&X-Amz-Security-Token=t{n}&X-Amz-Content-Sha256=U",
    "S3 V4 in lower case": V4.format("Amz", "{n}").lower() + "&x-amz-signature=s{n}",
    "GCS V2": "GoogleAccessId=me%40x{n}&Expires=17000000{n}&Signature=s{n}",
    "GCS V4": V4.format("Goog", "{n}") + "&X-Goog-Signature=s{n}",
    "Google Cloud CDN": "URLPrefix=aHR0{n}&Expires=17000000{n}&KeyName=k{n}&Signature=s{n}",
    "Azure SAS": "sv=2024-0{n}&st=2026-0{n}&se=2027-0{n}&sr=b&sp=r&spr=https&sig=s{n}%3D",
    "Azure SAS as documented at least": "st=2026-0{n}&se=2027-0{n}&sp=r&sv=2024-0{n}&sig=s{n}",
    "Azure SAS of an account": "sv=2024&ss=b&srt=o&sp=r&se=2027-0{n}&sig=s{n}",
    "Azure SAS of a user": "sv=2024&skoid=a&sktid=b&skt=1{n}&ske=2{n}&sks=b&skv=2024&sr=b&sp=r&se=2{n}&sig=s{n}",
    "Azure SAS by policy": "sv=2024-0{n}&si=readers&sr=b&sig=s{n}",
    "CloudFront": "Expires=17000000{n}&Signature=s{n}&Key-Pair-Id=K{n}&Hash-Algorithm=SHA256",
    "CloudFront by policy": "Policy=ey{n}&Signature=s{n}&Key-Pair-Id=K{n}",
    "COS": "q-sign-algorithm=sha1&q-ak=AKID{n}&q-sign-time=1{n};2&q-key-time=1{n};2&q-header-list=host&"
    "q-url-param-list=&q-signature=s{n}&x-cos-security-token=t{n}",
    "COS in one parameter": "sign=" + quote("q-sign-algorithm=sha1&q-ak=A&q-sign-time=1{n};2&q-signature=s") + "{n}",
    "OBS": "AccessKeyId=H{n}&Expires=17000000{n}&Signature=s{n}&x-obs-security-token=t{n}",
    "TOS": V4.format("Tos", "{n}") + "&X-Tos-Signature=s{n}",
    "BOS": "authorization=bce-auth-v1%2Fak%2F2026{n}%2F60%2Fhost%2Fs{n}",
    "KS3": "KSSAccessKeyId=A{n}&Expires=17000000{n}&Signature=s{n}",
    "US3": "UCloudPublicKey=A{n}&Expires=17000000{n}&Signature=s{n}",
    "Kodo": "e=170000000{n}&token=" + "a" * 39 + "{n}:" + "b" * 27 + "=",
    "Alibaba Cloud CDN": "auth_key=170000000{n}-0-0-" + HEX[:31] + "{n}",
    "Tencent Cloud CDN": "sign=170000000{n}-rand-0-" + HEX[:31] + "{n}",
    "UPYUN": "_upt=" + HEX[:8] + "170000000{n}",
    "Akamai": "hdnts=exp=17000000{n}~acl=/*~hmac=" + HEX,
    "Discord": "ex=6690000{n}&is=6680000{n}&hm=" + HEX[:63] + "{n}",
    "Supabase": "token=eyJhbGci.eyJ1cmwi.s{n}",
    "Laravel": "expires=17000000{n}&signature=" + HEX[:63] + "{n}",
    "an expiry and its signature": "Expires=17000000{n}&Signature=s{n}",
}


PATHS = {"Supabase": "https://store.example.org/storage/v1/object/sign/photos/cat.jpg"}
"""Where a scheme has links of its own."""


def signed(scheme: str, number: int, own: str = "") -> str:
    return f"{PATHS.get(scheme, AT)}?{own}{SIGNED[scheme].replace('{n}', str(number))}"


@pytest.mark.parametrize("scheme", SIGNED)
def test_a_link_that_was_signed_again_is_the_same_picture(scheme: str) -> None:
    one, other = Medium.at(signed(scheme, 1), "image"), Medium.at(signed(scheme, 2), "image")
    assert one.identity == other.identity == PATHS.get(scheme, AT)
    assert (one.name, one.whole) == (PATHS.get(scheme, AT), False)
    assert VideoRequest(first_frame=one).fingerprint("me") == VideoRequest(first_frame=other).fingerprint("me")


@pytest.mark.parametrize("scheme", SIGNED)
def test_what_stands_beside_a_signature_is_part_of_the_name(scheme: str) -> None:
    cat, dog = (signed(scheme, 1, f"key=photos/{who}.jpg&") for who in ("cat", "dog"))
    assert urls.identity(cat) != urls.identity(dog)
    assert urls.identity(cat) == urls.identity(signed(scheme, 2, "key=photos/cat.jpg&"))
    assert urls.shown(cat)[0] == f"{PATHS.get(scheme, AT)}?key=photos/cat.jpg"


@pytest.mark.parametrize("scheme", [scheme for scheme in urls.SCHEMES if len(scheme.needs) > 2], ids=lambda s: s.name)
def test_without_one_of_its_parameters_a_scheme_is_none(scheme: urls.Scheme) -> None:
    values = dict.fromkeys(scheme.needs, "1")
    for missing in scheme.needs:
        rest = {name: value for name, value in values.items() if name != missing}
        assert not scheme.parts(rest)
        others = [other.parts(rest) for other in urls.SCHEMES if other.parts(rest)]
        changed = {name: f"{AT}?" + "&".join(f"{key}={value}" for key, value in {**rest, name: "2"}.items())
                   for name in rest if not any(name in parts for parts in others)}  # fmt: skip
        assert len({urls.identity(url) for url in changed.values()}) == len(changed)


DIFFERENT = [
    "https://example.org/i?key=photos/cat.jpg",
    "https://example.org/i?key=photos/dog.jpg",
    "https://example.org/i?design=cat",
    "https://example.org/i?design=dog",
    "https://example.org/i?cat.jpg",
    "https://example.org/i?dog.jpg",
    "https://example.org/i",
    "https://example.org/i?token=cat",
    "https://example.org/i?token=dog",
    "https://example.org/i?sig=cat",
    "https://example.org/i?sign=leo",
    "https://example.org/i?sign=virgo",
    "https://example.org/i?Signature=1",
    "https://example.org/i?Expires=1",
    "https://example.org/i?e=1&token=cat",
    "https://example.org/i?e=1&token=dog",
    "https://example.org/i?ex=1&is=2&hm=3",
    "https://example.org/i?ex=1&is=2&hm=4",
    "https://example.org/i?keyboard=1",
    "https://example.org/i?assigned=1",
    "https://example.org/i?X-Amz-Signature=1",
    "https://example.org/i?X-Amz-Signature=2",
    "https://example.org/i?expires=1&signature=1",
    "https://example.org/i?sv=1&se=1&sp=1",
    "https://example.org/i?OSSAccessKeyId=&Expires=&Signature=",
    "https://example.org/i?x-oss-process=image/resize,w_300",
    "https://example.org/i?x-oss-process=image/resize,w_400",
    "https://example.org/i?versionId=1",
    "https://example.org/i?versionId=2",
    "https://example.org/i?n=%B0%A1.jpg",
    "https://example.org/i?n=%B0%A2.jpg",
    "https://example.org/i?a=1&b=2",
    "https://example.org/i?b=2&a=1",
    "https://example.org/i?q=",
    "https://example.org/i?q",
    "https://example.org/i?n=a+b.jpg",
    "https://example.org/i?n=a%20b.jpg",
    "https://example.org/i?n=a%2Bb.jpg",
    "https://example.org/i?n=a%26b=2",
    "https://example.org/i?n=a&b=2",
    "https://example.org/i?token=eyJhbGci.eyJjYXQi.s1",
    "https://example.org/i?token=eyJhbGci.eyJkb2ci.s2",
]


def test_whatever_signs_nothing_makes_another_picture() -> None:
    assert len({*DIFFERENT}) == len(DIFFERENT)
    twins = [pair for pair in combinations(DIFFERENT, 2) if len({urls.identity(url) for url in pair}) == 1]
    assert twins == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTPS://Example.ORG/Cat.png", "https://example.org/Cat.png"),
        ("https://example.org:443/cat.png", "https://example.org/cat.png"),
        ("http://example.org:80/cat.png", "http://example.org/cat.png"),
        ("https://example.org/i?n=photos%2fcat%7E.jpg", "https://example.org/i?n=photos/cat~.jpg"),
        ("https://example.org/i?n=%E7%8C%AB", "https://example.org/i?n=猫"),
        ("https://example.org/i?&n=1&", "https://example.org/i?n=1"),
        ("https://example.org/i#top", "https://example.org/i"),
    ],
)
def test_one_address_is_one_picture_however_it_is_spelt(one: str, other: str) -> None:
    assert Medium.at(one, "image").identity == Medium.at(other, "image").identity


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_values_of_a_parameter_are_two_pictures(one: str, other: str) -> None:
    first, second = (f"{AT}?design={quote(text.encode('utf-8', 'surrogatepass'))}" for text in (one, other))
    assert (urls.identity(first) == urls.identity(second)) == (one == other)


@pytest.mark.parametrize(
    ("url", "text", "whole"),
    [
        ("https://e.org/i?design=cat", "https://e.org/i?design=cat", True),
        ("https://e.org/i?key=photos/cat.jpg", "https://e.org/i?key=photos/cat.jpg", True),
        ("https://e.org/i?cat.jpg", "https://e.org/i?cat.jpg", True),
        ("https://e.org/i?key=AIzaSy-secret", "https://e.org/i", False),
        ("https://e.org/i?size=2&access_token=secret", "https://e.org/i?size=2", False),
        ("https://e.org/i?X-Amz-Signature=secret", "https://e.org/i", False),
        ("https://e.org/i?x-amz-security-token=secret", "https://e.org/i", False),
        ("https://e.org/i?API-Key=secret", "https://e.org/i", False),
        ("https://me:secret@e.org/i?size=2", "https://e.org/i?size=2", False),
        ("https://e.org/i#secret", "https://e.org/i", True),
        ("https://e.org/i?" + "secret" * 9, "https://e.org/i", False),
    ],
)
def test_what_opens_a_door_is_never_shown_and_still_counts(url: str, text: str, whole: bool) -> None:
    assert urls.shown(url) == (text, whole)
    assert without_secrets(f"({url}) and") == f"({text}) and"
    medium = Medium.at(url, "image")
    assert "secret" not in json.dumps(medium.public()) + repr(medium)
    if "?" in url and "@" not in url:
        assert medium.identity != Medium.at(url.partition("?")[0], "image").identity


def test_the_first_editions_name_of_a_picture_by_url_stays_where_it_was_right() -> None:
    # Values that the first edition wrote into its logs.
    assert urls.identity("https://example.org/cat.png") == "https://example.org/cat.png"
    assert urls.identity("https://e.org/a.png?id=3&Expires=1&OSSAccessKeyId=k&Signature=s") == (
        "https://e.org/a.png#3a61b75b7aa22faa"
    )
