"""Text in pages and pictures, and the policy of a page."""

from cnnkit.files.markup import build_policy, escape_html, escape_whole


def test_text_has_no_markup_and_nothing_hidden():
    assert escape_whole("<b a='\"'>&\x1b]]>") == "&lt;b a=&#x27;&quot;&#x27;&gt;&amp;\\x1b]]&gt;"
    assert escape_whole("x" * 300) == "x" * 300
    assert escape_html("x" * 300) == "x" * 200 + "..."


def test_a_policy_allows_what_it_names_alone():
    policy = build_policy("style", "script")
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "script-src 'sha256-" in policy
    assert "script-src" not in build_policy("style")
    assert "unsafe" not in policy
    assert build_policy("style") != build_policy("other")
