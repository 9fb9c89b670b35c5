/** Archives for tests, made by hand where no tool would make them. */
import type { Scene, Side } from "./cause/scene.ts";

/** One block that says it holds `size` bytes. */
export function tarHeader(name: string, size: string, fields: { mtime?: number; type?: string } = {}): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(size, 124, "latin1");
  header.write(`${(fields.mtime ?? 0).toString(8).padStart(11, "0")}\0`, 136);
  header.write("        ", 148);
  header.write(fields.type ?? "0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

export function tar(members: readonly { name: string; content: string | Buffer; mtime?: number }[]): Buffer {
  const blocks = members.flatMap(({ name, content, mtime }) => {
    const bytes = Buffer.from(content);
    const size = `${bytes.length.toString(8).padStart(11, "0")}\0`;
    return [
      tarHeader(name, size, mtime === undefined ? {} : { mtime }),
      bytes,
      Buffer.alloc((512 - (bytes.length % 512)) % 512),
    ];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const side = (number: 1 | 2): Side => ({
  facts: {
    path: number === 1 ? "/builds/first/tree/lab" : "/builds/the-second/tree/lab-two",
    home: number === 1 ? "/home/ada" : "/builds/the-second/home",
    tmp: number === 1 ? "/builds/first/tmp" : "/builds/the-second/tmp",
    user: number === 1 ? "ada" : "daemon",
    uid: number === 1 ? "1001" : "1",
    group: number === 1 ? "ada" : "daemon",
    gid: number === 1 ? "1001" : "1",
    hostname: number === 1 ? "runner-7" : "second-build",
    kernel: number === 1 ? "6.8.0-1020-azure" : "2.6.68-1020-azure",
    umask: number === 1 ? "0022" : "0002",
    cpus: number === 1 ? "4" : "1",
    zone: number === 1 ? "+0000" : "+1400",
    zoneName: number === 1 ? "UTC" : "GMT",
    locale: "",
    months: "Jan;Feb;Mar;Apr;May;Jun;Jul;Aug;Sep;Oct;Nov;Dec",
    days: "Sun;Mon;Tue;Wed;Thu;Fri;Sat",
    clock: "",
    stack: "",
    interfaces: "",
    noise: "",
    jobs: "",
  },
  variables: number === 1 ? { PATH: "/usr/bin" } : { PATH: "/usr/bin:/nonexistent", NOISE: "x" },
  clock: number === 1 ? { from: 1_700_000_000, to: 1_700_000_060 } : { from: 1_734_400_000, to: 1_734_400_060 },
});

/** Two builds on a machine that is not this one. */
export const sampleScene: Scene = { first: side(1), second: side(2) };
