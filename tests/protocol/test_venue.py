from protocol.venue import AccessToken, Channel, Credentials, Registration, Request, Response, Tokens

SECRET = "hunter2"


def test_the_text_forms_of_what_holds_secrets_never_show_them():
    holders = [
        Credentials(user=SECRET, secret=SECRET),
        Tokens(access_token=SECRET, access_expires_s=1, refresh_token=SECRET, refresh_expires_s=2),
        AccessToken(access_token=SECRET, access_expires_s=1, refresh_token=SECRET),
        Channel(name="private-x", auth=SECRET),
        Registration(channels=(), sign_in=(SECRET, SECRET)),
        Request(method="POST", path="/auth/login", body=SECRET.encode(), headers={"authorization": SECRET}),
        Response(status=200, body=SECRET.encode(), headers={"x": SECRET}),
    ]

    assert not [holder for holder in holders if SECRET in repr(holder)]
