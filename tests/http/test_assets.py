"""Pictures that pipelines refer to."""

import hashlib

from harness.site import Site


def test_an_asset_is_known_by_its_content(site: Site, jpeg: bytes) -> None:
    raw = site.client.post("/v1/assets", content=jpeg)
    form = site.client.post("/v1/assets", files={"file": ("logo.gif", jpeg)})
    assert raw.status_code == form.status_code == 201
    asset = raw.json()
    sha256 = hashlib.sha256(jpeg).hexdigest()
    assert asset == form.json()
    assert asset["id"] == f"ast_{sha256[:32]}"
    assert (asset["format"], asset["media_type"], asset["bytes"]) == ("jpeg", "image/jpeg", len(jpeg))
    assert asset["sha256"] == sha256
    assert raw.headers["location"] == f"/v1/assets/{asset['id']}"
    assert site.client.get(raw.headers["location"]).json() == asset
    assert len(site.files()) == 1

    job = {"pipeline": [{"id": "w", "action": "watermark", "image": asset["id"]}]}
    assert site.client.post("/v1/jobs", json=job).status_code == 201


def test_a_pipeline_that_names_no_asset_says_which_step(site: Site) -> None:
    steps = [
        {"id": "a", "action": "watermark", "image": "ast_nothing"},
        {"id": "b", "action": "watermark", "image": "ast_either"},
    ]
    answer = site.client.post("/v1/jobs", json={"pipeline": steps})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_asset")
    assert [(error["step"], error["value"]) for error in answer.json()["errors"]] == [
        ("a", "ast_nothing"),
        ("b", "ast_either"),
    ]


def test_list_and_delete(site: Site, jpeg: bytes, webp: bytes) -> None:
    headers = {"x-tenant": "assets"}
    made = [
        site.client.post("/v1/assets", content=content, headers=headers).json() for content in (jpeg, webp)
    ]
    first = site.client.get("/v1/assets", params={"limit": 1}, headers=headers).json()
    second = site.client.get("/v1/assets", params={"cursor": first["next_cursor"]}, headers=headers).json()
    assert first["items"] + second["items"] == made[::-1]
    assert second["next_cursor"] is None

    path = f"/v1/assets/{made[0]['id']}"
    kept = len(site.files())
    assert site.client.delete(path, headers=headers).status_code == 204
    assert len(site.files()) == kept - 1
    assert site.client.get(path, headers=headers).status_code == 404
    assert site.client.delete(path, headers=headers).status_code == 404


def test_the_sweep_knows_an_assets_file(site: Site, jpeg: bytes) -> None:
    asset = site.client.post("/v1/assets", content=jpeg, headers={"x-tenant": "sweep"}).json()
    stored = site.run(site.store.get_asset("sweep", asset["id"]))
    assert stored is not None
    orphan = "assets/sweep/0123456789abcdef"
    assert site.run(site.store.known_keys([stored.key, orphan])) == {stored.key}


def test_bad_forms(site: Site, jpeg: bytes) -> None:
    for files in ([("other", jpeg)], [("file", jpeg), ("file", jpeg)]):
        before = site.files()
        answer = site.client.post("/v1/assets", files=files, headers={"x-tenant": "bad"})
        assert answer.status_code == 400
        assert answer.json()["code"] in {"missing_part", "doubled_part"}
        assert len(site.files()) - len(before) <= 1
    assert site.client.post("/v1/assets", content=b"", headers={"x-tenant": "bad"}).status_code == 415


def test_a_key_that_came_with_another_picture_is_refused(site: Site, jpeg: bytes, webp: bytes) -> None:
    headers = {"x-tenant": "keys", "idempotency-key": "logo"}
    first = site.client.post("/v1/assets", content=jpeg, headers=headers)
    kept = site.files()
    assert site.client.post("/v1/assets", content=jpeg, headers=headers).json() == first.json()
    other = site.client.post("/v1/assets", content=webp, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert site.files() == kept
