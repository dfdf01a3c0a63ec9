// A certified provider of single sign-on (the npm package oidc-provider), for tests: it requires PKCE, keeps sessions
// of its own and ends them. Arguments: port, address to return to, address after signing out.

import Provider from "oidc-provider";

const [port, redirectUri, afterSignOut] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "filehub",
      client_secret: "a-secret-for-the-tests",
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [afterSignOut],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "name"], email: ["email", "email_verified"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: `${id}.lovelace`, email: `${id}@example.com`, email_verified: true }),
  }),
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  cookies: { keys: ["only-for-tests"] },
});

provider.listen(Number(port), "127.0.0.1");
