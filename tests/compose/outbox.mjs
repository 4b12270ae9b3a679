// outbox.mjs CATCHER - what `GET /v1/test/outbox?to=` answers in test mode, read from the mail catcher, which is all there is in
// compose: the links of the mails to one address. Prints its address.
import http from 'node:http';

const [catcher] = process.argv.slice(2);

const server = http.createServer(async (request, response) => {
  const to = new URL(request.url ?? '', 'http://outbox').searchParams.get('to');
  /** @type {{ to: { address: string }[], text: string }[]} */
  const mails = await (await fetch(`${catcher}/email`)).json();
  const data = mails
    .filter((mail) => mail.to.some((one) => one.address === to))
    .map((mail) => ({ links: mail.text.match(/https?:\/\/\S+/g) ?? [] }));
  response.end(JSON.stringify({ data }));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${/** @type {any} */ (server.address()).port}`));
