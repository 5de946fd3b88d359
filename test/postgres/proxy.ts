import net from "node:net";
import type { AddressInfo } from "node:net";

/** Stands between a client and PostgreSQL, and breaks what is to be broken. */
export interface Proxy {
  readonly url: string;
  /** How many connections go through it, as far as it was told. */
  readonly connected: number;
  arm(): void;
  close(): Promise<void>;
}

/** Once armed: the next COMMIT is passed on and its answer is not (`passes`), or it never arrives; then the connection is cut. */
export const breakAtCommit = (url: string, passes: boolean): Promise<Proxy> =>
  breakAt(url, (chunk) => chunk[0] === simpleQuery && chunk.includes("commit\0"), passes);

/** The same for a statement of this name. */
export const breakAtStatement = (url: string, name: string, passes: boolean): Promise<Proxy> =>
  breakAt(url, (chunk) => chunk.includes(`\0${name}\0`), passes);

const breakAt = (url: string, isIt: (chunk: Buffer) => boolean, passes: boolean): Promise<Proxy> =>
  proxy(url, (chunk, toServer, cut) => {
    if (!isIt(chunk)) return false;
    if (!passes) {
      cut();
      return true;
    }
    toServer.once("data", cut);
    toServer.write(chunk);
    return true;
  });

/** Once armed: nothing comes through in either direction, and no connection is closed. */
export const goSilent = (url: string): Promise<Proxy> => proxy(url, () => true);

/** Answers every start-up that carries options as PgBouncer does. */
export async function refuseOptions(url: string): Promise<Proxy> {
  const refusal = Buffer.from("SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0");
  const head = Buffer.alloc(5, "E");
  head.writeInt32BE(refusal.length + 4, 1);
  const through = await proxy(url, (chunk, _toServer, _cut, client) => {
    if (!chunk.includes("options\0-c ")) return false;
    client.end(Buffer.concat([head, refusal]));
    return true;
  });
  through.arm();
  return through;
}

const simpleQuery = "Q".charCodeAt(0);

type Break = (chunk: Buffer, toServer: net.Socket, cut: () => void, client: net.Socket) => boolean;

async function proxy(url: string, intercept: Break): Promise<Proxy> {
  const target = new URL(url);
  let isArmed = false;
  const sockets = new Set<net.Socket>();
  const clients = new Set<net.Socket>();
  // What is broken does not even say goodbye.
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const toServer = net.connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true });
    clients.add(client);
    client.on("close", () => clients.delete(client));
    const broken = { yes: false };
    const cut = (): void => {
      client.destroy();
      toServer.destroy();
    };
    for (const socket of [client, toServer]) {
      sockets.add(socket);
      socket.on("error", cut);
      socket.on("close", cut);
    }
    client.on("data", (chunk: Buffer) => {
      if (isArmed && intercept(chunk, toServer, cut, client)) broken.yes = true;
      else toServer.write(chunk);
    });
    toServer.on("data", (chunk: Buffer) => {
      if (!broken.yes) client.write(chunk);
    });
    client.on("end", () => broken.yes || toServer.end());
    toServer.on("end", () => broken.yes || client.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = `${(server.address() as AddressInfo).port}`;
  return {
    url: through.href,
    get connected() {
      return clients.size;
    },
    arm: () => (isArmed = true),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
