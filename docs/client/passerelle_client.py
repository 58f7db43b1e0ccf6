#!/usr/bin/env python3
"""A small client for Passerelle's framed protocol, version 1, in Python without dependencies.

It was written from docs/PROTOCOL.md only, which proves that the document is complete. The tests run it against the
server. It is also a starting point for other clients.

    passerelle_client.py ls   ADDR KEYFILE PATH            lists a folder, one percent-encoded path per line
    passerelle_client.py walk ADDR KEYFILE PATH...         all entries below
    passerelle_client.py stat ADDR KEYFILE PATH            one entry, as JSON
    passerelle_client.py get  ADDR KEYFILE PATH... DEST    one file into the file DEST, several into the folder DEST
    passerelle_client.py put  ADDR KEYFILE FILE PATH       uploads FILE as PATH, completely or not at all
    passerelle_client.py mkdir ADDR KEYFILE PATH...        makes folders, with missing parents
    passerelle_client.py mv   ADDR KEYFILE PATH PATH       renames or moves
    passerelle_client.py rm   ADDR KEYFILE PATH...         moves to the trash; prints the id in the trash
    passerelle_client.py ping ADDR KEYFILE                 checks that the server answers and accepts the key

ADDR is host:port. A PATH is percent-encoded, as `ls` prints it; "" is the root. Failures are printed on standard error
with their code (`not_found: …`), and the exit code is 1, or 2 if the command line is wrong.
"""
import argparse, contextlib, hashlib, hmac, ipaddress, json, os, secrets, select, socket, struct, sys  # noqa: E401
from urllib.parse import quote_from_bytes, unquote_to_bytes

HELLO, HELLO_ACK, AUTH, AUTH_OK, LIST, STAT, GET, WALK = 0x01, 0x02, 0x03, 0x04, 0x10, 0x11, 0x12, 0x13
STAGE, PUT, ABORT, COMMIT, CHANGE, JOB_STATUS = 0x14, 0x15, 0x18, 0x17, 0x1A, 0x1B
PAGE, META, DATA, ITEM_END, END, COLUMNS = 0x40, 0x41, 0x42, 0x43, 0x44, 0x4d
PING, PONG, GOODBYE = 0x50, 0x51, 0x53
PUT_END, UPLOAD, JOB = 0x45, 0x46, 0x48
HANDSHAKE_MAX, FRAME_MAX, DATA_MAX = 4096, 65536, 256 * 1024
U16, U64, I64 = range(2**16), range(2**64), range(-(2**63), 2**63)
CALLER = {0: {0: [], 1: {0: b"", 1: [{0: b"", 1: 1 | 2}]}}, 1: 0}  # the whole storage, with LIST and READ
WRITER = {0: {0: [], 1: {0: b"", 1: [{0: b"", 1: 1 | 2 | 4 | 8 | 16}]}}, 1: 0}  # with all rights to change it
CLASSES = {1: "auth", 2: "state", 3: "limit", 4: "request"}
CODES = {first + index: name for first, names in {
    100: "bad_proof handshake_timeout version_mismatch",
    110: "forbidden unauthenticated unknown_host",
    200: "not_found is_folder not_folder not_regular link_escapes changed precondition_failed range_not_satisfiable "
         "not_acceptable already_exists parent_missing into_itself offset_mismatch incomplete checksum_mismatch gone "
         "locked key_reused length_mismatch name_refused cross_device not_empty link_broken "
         "name_reserved name_too_long mounted disk_absent",
    300: "too_large too_many_connections too_many_requests no_space quota_exceeded",
    400: "protocol unsupported bad_request bad_path bad_cursor frame_too_long method_not_allowed",
    500: "io access_denied canceled deadline_exceeded shutting_down unreachable disconnected internal read_only",
}.items() for index, name in enumerate(names.split())}


class Failure(Exception):
    def __init__(self, code, message):
        name = CODES.get(code) or f"{CLASSES.get(code // 100, 'server')} error {code}"
        super().__init__(f"{name}: {ascii(message)[1:-1]}")


def check(holds, why):
    """Raises an error, which closes the connection, if the peer violates the protocol."""
    if not holds:
        raise Failure(400, why)


# --- CBOR ---

ODD = object()  # a value that no known field can have: a float, a tag, an indefinite string, text that is not UTF-8


def encode(value):
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        power = next(power for power in range(4) if number < 1 << (8 << power))
        return bytes([major << 5 | 24 + power]) + number.to_bytes(1 << power, "big")

    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    fields = sorted((number, field) for number, field in value.items() if field is not None)
    return head(5, len(fields)) + b"".join(encode(number) + encode(field) for number, field in fields)


def decode(body):
    """Decodes a body, which is one map. Not recursive, because an unknown field may be nested arbitrarily deep."""
    at, stack = 0, []  # the open containers: major type, values so far, number of values (None: until 0xff)

    def take(size):
        nonlocal at
        check(size <= len(body) - at, "CBOR that ends too early")
        at += size
        return body[at - size:at]

    def close():
        major, values, _ = stack.pop()
        check(major != 5 or len(values) % 2 == 0, "a CBOR map with half a pair")
        pairs = zip(values[::2], values[1::2])
        return values if major == 4 else {k: v for k, v in pairs if type(k) is int} if major == 5 else ODD

    while True:
        byte = take(1)[0]
        major, info = byte >> 5, byte & 31
        number = info if info < 24 else int.from_bytes(take(1 << info - 24), "big") if info < 28 else None
        if byte == 0xFF and stack and stack[-1][2] is None:
            value = close()
        elif major in (4, 5, 6) or number is None:
            check(number is not None or info == 31 and 2 <= major <= 5, "not CBOR")
            stack.append((major, [], None if number is None else {4: number, 5: 2 * number, 6: 1}[major]))
            if stack[-1][2] != 0:
                continue
            value = close()
        elif major < 2:
            value = -1 - number if major else number
        elif major < 4:
            value = take(number)
            if major == 3:
                try:
                    value = value.decode()
                except UnicodeDecodeError:
                    value = ODD
        else:
            value = {0xF4: False, 0xF5: True, 0xF6: None}.get(byte, ODD)
        while stack:  # adds the value to its container, which may complete that one as well
            stack[-1][1].append(value)
            if len(stack[-1][1]) != stack[-1][2]:
                break
            value = close()
        else:
            check(at == len(body) and type(value) is dict, "a body that is not one map")
            return value


def field(message, number, kind, optional=False):
    """Checks a field: a range of integers, a length of byte strings, a type, or an array of a type."""
    value = message.get(number)
    if value is None and optional:
        return None
    if isinstance(kind, range):
        good = type(value) is int and value in kind
    elif isinstance(kind, int):
        good = type(value) is bytes and len(value) == kind
    elif isinstance(kind, list):
        good = type(value) is list and all(type(each) is kind[0] for each in value)
    else:
        good = type(value) is kind
    check(good, f"field {number} is missing or wrong")
    return value


# --- Shared types ---

def check_path(path):
    segments = path.split(b"/") if path else []
    if len(path) > 4096 or len(segments) > 255 or b"\0" in path or any(s in (b"", b".", b"..") for s in segments):
        raise Failure(403, f"not a path: {shown(path)}")
    return path


def shown(path):
    return quote_from_bytes(path, safe="/")


def read_entry(entry, starts):
    """An entry in a form for JSON. Its path must be one of `starts`, or below one."""
    path = check_path(field(entry, 0, bytes))
    check(any(start in (b"", path) or path.startswith(start + b"/") for start in starts), "an entry from elsewhere")
    link = field(entry, 5, list, optional=True)
    if link is not None:
        variant, values = field(dict(enumerate(link)), 0, U64), field(dict(enumerate(link)), 1, list)
        target = shown(field(dict(enumerate(values)), 0, bytes)) if variant == 0 else None
        link = {0: {"inside": target}, 1: "escapes", 2: "broken"}.get(variant)  # an unknown variant counts as absent
    etag = field(entry, 6, 16, optional=True)
    return {"path": shown(path), "kind": ("file", "folder", "other")[field(entry, 1, range(3))],
            "size": field(entry, 2, U64), "modified": field(entry, 3, I64), "executable": field(entry, 4, bool),
            "link": link, "etag": etag and etag.hex()}


def read_columns(block):
    """The rows of a block in a form for JSON, with raw names; whether the block is the last; the cursor."""
    check(len(block) >= 56, "a block without a head")
    magic, version, marks, length, n, names, k, targets, cursor, zero, _, _ = struct.unpack_from("<4sHHIIIIIHHQ16s", block)
    check(magic == b"PLST" and version == 1 and marks < 4 and zero == 0, "another block than version 1 has")
    end = 56 + n * 37 + k * 8 + names + targets + cursor
    check(length == len(block) == (end + 7) // 8 * 8 and not any(block[end:]), "a block of another length than it says")
    at = 56

    def column(form, count):
        nonlocal at
        values = struct.unpack_from(f"<{count}{form}", block, at)
        at += struct.calcsize(f"<{count}{form}")
        return values

    def pieces(ends, size):
        nonlocal at
        starts = (0, *ends)
        check(all(a <= b for a, b in zip(starts, ends)) and starts[-1] == size, "pieces that do not fit together")
        found = [block[at + start:at + stop] for start, stop in zip(starts, ends)]
        at += size
        return found

    sizes, times = column("Q", n), column("q", n)
    etags = column("Q", 2 * n)
    name_ends, link_rows, target_ends, flags = column("I", n), column("I", k), column("I", k), column("B", n)
    names, targets = pieces(name_ends, names), pieces(target_ends, targets)
    check(list(link_rows) == [row for row in range(n) if flags[row] & 12 == 4], "links in other rows than are marked")
    targets, rows = dict(zip(link_rows, targets)), []
    for row, flag in enumerate(flags):
        check(flag & 3 != 3 and flag < 64 and b"/" not in names[row] and check_path(names[row]), "what is no row")
        link = (None, {"inside": shown(targets.get(row, b""))}, "escapes", "broken")[flag >> 2 & 3]
        rows.append({"name": names[row], "kind": ("file", "folder", "other")[flag & 3], "size": sizes[row],
                     "modified": times[row], "executable": bool(flag & 16), "link": link,
                     "etag": struct.pack("<2Q", *etags[2 * row:2 * row + 2]).hex() if flag & 32 else None})
    check(cursor == 0 or marks & 1, "a cursor before the last block")
    return rows, bool(marks & 1), block[at:at + cursor].decode() or None


def read_failure(message):
    failure = field(message, 0, dict, optional=True)
    return None if failure is None else Failure(field(failure, 0, U16), field(failure, 1, str))


# --- Keys, frames, handshake, requests ---

def read_key(name):
    with open(name, encoding="utf-8") as file, contextlib.suppress(ValueError):
        label, key_id, digits = file.read(4096).split()
        if label == "passerelle-key-1" and len(key_id.encode()) <= 256 and len(digits) == 64:
            return key_id, bytes.fromhex(digits)
    sys.exit(f"{name} holds no key")


class Connection:
    def __init__(self, address, key_id, secret):
        host, _, port = address.rpartition(":")
        self.last_id, self.data_max = 0, None  # None until AUTH_OK
        try:
            self.socket = socket.create_connection((host.strip("[]"), int(port)), 10)
        except (OSError, ValueError) as error:
            raise Failure(505, str(error))
        if not ipaddress.ip_address(self.socket.getpeername()[0].partition("%")[0]).is_loopback:
            sys.exit("nothing is encrypted here, so this client speaks over loopback only (use a tunnel)")
        hello = self.send(HELLO, 0, {0: "passerelle", 1: 1, 2: 1, 3: [], 4: secrets.token_bytes(32)})
        answer, hello_ack = self.handshake(HELLO_ACK)
        check(field(answer, 0, U16) == 1, "the server chose a version that we do not speak")
        field(answer, 1, [str]), field(answer, 2, 32)
        proof = hmac.digest(secret, b"passerelle/1 client proof" + hello + hello_ack, "sha256")
        auth = self.send(AUTH, 0, {0: key_id, 1: proof, 2: DATA_MAX})
        answer, _ = self.handshake(AUTH_OK)
        proof = hmac.digest(secret, b"passerelle/1 server proof" + hello + hello_ack + auth, "sha256")
        if not hmac.compare_digest(proof, field(answer, 0, 32)):
            raise Failure(100, "the server did not prove that it holds the key")
        self.data_max = field(answer, 1, range(4096, DATA_MAX + 1))

    def handshake(self, wanted):
        kind, request_id, body, frame = self.receive()
        message = decode(body)
        if kind == END and read_failure(message):
            raise read_failure(message)
        check(kind == wanted and request_id == 0, f"frame {kind:#x} in the handshake")
        return message, frame

    def send(self, kind, request_id, message=None):
        """Sends a frame. `message` is a map, or bytes for DATA."""
        body = message if kind == DATA else b"" if message is None else encode(message)
        frame = struct.pack(">IBBHI", 8 + len(body), kind, 0, 0, request_id) + body
        if kind != DATA and len(frame) - 4 > (FRAME_MAX if self.data_max else HANDSHAKE_MAX):
            raise Failure(405, "the request does not fit into a frame")
        try:
            self.socket.sendall(frame)
        except OSError as error:
            raise Failure(506, str(error))
        return frame

    def read(self, count, between_frames=False):
        """Reads `count` bytes. Between two frames, sends a PING to a silent server."""
        data, may_ask = bytearray(), between_frames and self.data_max
        while len(data) < count:
            self.socket.settimeout(15 if between_frames and not data else 30)
            try:
                received = self.socket.recv(count - len(data))
            except OSError as error:
                if not isinstance(error, socket.timeout) or data or not may_ask:
                    raise Failure(506, str(error))
                may_ask = False
                self.send(PING, 0)
                continue
            if not received:
                raise Failure(506, "the connection ended")
            data += received
        return bytes(data)

    def receive(self):
        """Reads a frame: type, request id, body and bytes. Answers a PING, and raises a GOODBYE."""
        while True:
            header = self.read(12, between_frames=True)
            length, kind, flags, reserved, request_id = struct.unpack(">IBBHI", header)
            longest = HANDSHAKE_MAX if not self.data_max else 8 + self.data_max if kind == DATA else FRAME_MAX
            check((9 if kind == DATA else 8) <= length <= longest and not flags and not reserved, "a wrong header")
            body = self.read(length - 8)
            if kind == GOODBYE:
                raise read_failure(decode(body)) or Failure(506, "the server said goodbye")
            if kind != PING:
                return kind, request_id, body, header + body
            self.send(PONG, request_id)

    def request(self, kind, message):
        """Sends a request and yields the frames of its answer until END. Raises the failure of END."""
        self.last_id += 1
        self.send(kind, self.last_id, message)
        while True:
            kind, request_id, body, _ = self.receive()
            if kind == PONG:
                continue
            check(request_id == self.last_id, "a frame of another request")
            message = body if kind in (DATA, COLUMNS) else decode(body)
            if kind == END:
                failure = read_failure(message)
                if failure:
                    raise failure
                return
            yield kind, message

    def is_refused(self):
        """Whether the server has ended the request while DATA is being sent."""
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        return self.socket.recv(5, socket.MSG_PEEK)[4:] in (b"", bytes([END]))

    def ask(self, kind, message, wanted):
        """The first message of the answer."""
        answer = list(self.request(kind, message))
        check(answer and all(kind == wanted for kind, _ in answer), "not the answer to that request")
        return answer[0][1]

    def pages(self, kind, message, starts, options):
        """Prints the entries of each PAGE of the answer, and yields the PAGE."""
        for kind, page in self.request(kind, message):
            check(kind == PAGE, f"frame {kind:#x} instead of PAGE")
            for entry in field(page, 0, [dict]):
                entry = read_entry(entry, starts)
                print(json.dumps(entry) if options.json else entry["path"])
            yield page


# --- Commands: each returns the exit code ---

def complain(path, failure):
    print(f"{shown(path)}: {failure}", file=sys.stderr)
    return 1


def ls(connection, options):
    cursor, more = None, True
    while more:
        request = {0: CALLER, 1: options.path, 2: {0: 0, 1: 0}, 3: cursor, 4: options.limit}
        last = False
        for kind, block in connection.request(LIST, request):
            check(kind == COLUMNS and not last, f"frame {kind:#x} instead of COLUMNS, or after the last of them")
            rows, last, cursor = read_columns(block)
            for row in rows:
                path = shown(b"/".join(filter(None, [options.path, row.pop("name")])))
                print(json.dumps({"path": path, **row}) if options.json else path)
        check(last, "the listing was cut short")
        more = cursor is not None
    return 0


def walk(connection, options):
    code = 0
    for page in connection.pages(WALK, {0: CALLER, 1: options.path}, options.path, options):
        for skipped in field(page, 2, [dict], optional=True) or []:
            code = complain(field(skipped, 0, bytes), Failure(field(skipped, 1, U16), "left out"))
    return code


def stat(connection, options):
    answer = list(connection.request(STAT, {0: CALLER, 1: options.path}))
    check([kind for kind, _ in answer] == [META], "not one META")
    print(json.dumps(read_entry(field(answer[0][1], 0, dict), [options.path])))
    return 0


def ping(connection, _):
    connection.send(PING, 0x70696E67)
    while connection.receive()[:2] != (PONG, 0x70696E67):
        pass
    print("pong")
    return 0


def get(connection, options):
    many = len(options.path) > 1 or os.path.isdir(options.dest)
    names = {path: os.path.join(options.dest, quote_from_bytes(path.rpartition(b"/")[2], safe="")) if many
             else options.dest for path in options.path}
    if len(set(names.values())) < len(options.path):
        sys.exit("two of the files have the same name")
    if many:
        os.makedirs(options.dest, exist_ok=True)
    code = 0
    for start in range(0, len(options.path), 15):  # 15 paths of 4096 bytes fit into a frame
        batch = options.path[start:start + 15]
        frames = connection.request(GET, {0: CALLER, 1: [{0: path, 1: options.range} for path in batch]})
        for path in batch:
            failure = get_item(frames, path, options.range, names[path])
            code = complain(path, failure) if failure else code
        check(next(frames, None) is None, "more items than asked for")
    return code


def get_item(frames, path, wanted, name):
    """Receives one item of a GET into a file, which appears only when it is complete. Returns the item's failure."""
    size, offset, length, came, part = 0, 0, None, 0, name + ".part"
    kind, message = next(frames, (END, {}))
    try:
        if kind == META:
            size = read_entry(field(message, 0, dict), [path])["size"]
            offset, length = field(message, 1, U64), field(message, 2, U64)
            with open(part, "wb") as file:
                for kind, message in frames:
                    if kind != DATA:
                        break
                    came += len(message)
                    check(came <= length, "more bytes than META said")
                    file.write(message)
        check(kind == ITEM_END, f"frame {kind:#x} instead of the end of an item")
        failure = read_failure(message)
        if failure is None:
            check(came == length and (offset, length) == clipped(wanted, size), "not the bytes that were asked for")
            os.replace(part, name)
        return failure
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def put(connection, options):
    """Uploads a file, which is invisible before COMMIT. With a checksum, the server keeps all of it or nothing."""
    with open(options.file, "rb") as file:
        size, checksum = os.fstat(file.fileno()).st_size, hashlib.sha256()
        for piece in iter(lambda: file.read(DATA_MAX), b""):
            checksum.update(piece)
        file.seek(0)
        status = os.fstat(file.fileno())
        upload = connection.ask(STAGE, {0: WRITER, 1: options.path, 2: size, 3: 1 if options.replace else 0,
                                        5: status.st_mtime_ns, 7: bool(status.st_mode & 0o100), 8: "", 9: [],
                                        10: False, 11: True}, UPLOAD)
        upload = field(upload, 0, 16)
        try:
            put_bytes(connection, upload, file, size, checksum.digest())
            done = connection.ask(COMMIT, {0: WRITER, 1: upload}, UPLOAD)
        except Failure:
            with contextlib.suppress(Failure):  # otherwise the upload expires on the server
                list(connection.request(ABORT, {0: WRITER, 1: upload}))
            raise
    print(read_entry(field(done, 6, dict), [options.path])["path"])
    return 0


def put_bytes(connection, upload, file, size, digest):
    checksum = {0: 2, 1: digest}
    frames = connection.request(PUT, {0: WRITER, 1: upload, 2: 0, 3: size, 4: checksum})
    check(next(frames, (END, None))[0] == UPLOAD, "not ready, and no failure")
    left = size
    while left and not connection.is_refused():
        piece = file.read(min(left, connection.data_max))
        if not piece:
            break
        connection.send(DATA, connection.last_id, piece)
        left -= len(piece)
    connection.send(PUT_END, connection.last_id, {0: left > 0})
    answer = [message for kind, message in frames if kind == UPLOAD]
    check(len(answer) == 1 and field(answer[0], 1, U64) == size, "not all bytes are there")


def change(connection, paths, wanted):
    """Requests a change, waits for its end, and prints the outcome of each item."""
    key, version, outcomes = secrets.token_bytes(16), 0, []
    message = {0: WRITER, 1: key, 2: wanted, 3: 30000}
    frames = connection.request(CHANGE, message)
    while True:
        outcomes, state = [], 0
        for kind, job in frames:
            check(kind == JOB, f"frame {kind:#x} instead of JOB")
            state, version = field(job, 1, range(3)), field(job, 2, U64)
            outcomes += field(job, 4, [list])
        if state != 0:
            break
        frames = connection.request(JOB_STATUS, {0: WRITER, 1: key, 2: version, 3: 30000})
    code = 0 if len(outcomes) == len(paths) else 1
    for path, outcome in zip(paths, outcomes):
        values = field(dict(enumerate(outcome)), 1, list)
        if outcome[0] == 0:
            trash = field(dict(enumerate(values)), 1, 16, optional=True)
            entry = field(dict(enumerate(values)), 0, dict, optional=True)
            print(trash.hex() if trash else shown(check_path(field(entry, 0, bytes))) if entry else "")
        else:
            skipped = Failure(209, "skipped")
            failed = dict(enumerate(values))
            code = complain(path, Failure(field(failed, 0, U16), field(failed, 2, str)) if outcome[0] == 2 else skipped)
    return code


def mkdir(connection, options):
    return change(connection, options.path, [0, [options.path, False]])


def mv(connection, options):
    return change(connection, [options.path], [1, [[{0: options.path, 1: options.dest}], 0]])


def rm(connection, options):
    return change(connection, options.path, [3, [[{0: path} for path in options.path]]])


# --- The command line ---

def byte_range(text):
    """FIRST-LAST, FIRST- or -LENGTH as a ByteRange."""
    first, dash, last = text.partition("-")
    if not dash or text == "-" or not all(word.isdecimal() and int(word) in U64 for word in (first, last) if word):
        raise argparse.ArgumentTypeError("not FIRST-LAST, FIRST- or -LENGTH")
    return [2, [int(last)]] if not first else [1, [int(first), int(last)]] if last else [0, [int(first)]]


def clipped(wanted, size):
    """The offset and the length of a range in a file of that size."""
    variant, values = wanted or (0, [0])
    first = max(0, size - values[0]) if variant == 2 else values[0]
    return first, (min(size, values[1] + 1) if variant == 1 else size) - first


def wire_path(text):
    try:
        return check_path(unquote_to_bytes(os.fsencode(text)))
    except Failure as failure:
        raise argparse.ArgumentTypeError(str(failure))


def main():
    parser = argparse.ArgumentParser(description="A client for Passerelle's framed protocol.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run, paths in ((ls, None), (walk, "+"), (stat, None), (get, "+"), (put, None), (mkdir, "+"), (mv, None),
                       (rm, "+"), (ping, "no")):
        command = commands.add_parser(run.__name__)
        command.set_defaults(run=run)
        command.add_argument("address")
        command.add_argument("keyfile")
        if run is put:
            command.add_argument("file")
            command.add_argument("--replace", action="store_true", help="take the place of a file that is there")
        if paths != "no":
            command.add_argument("path", type=wire_path, nargs=paths)
        if run in (ls, walk):
            command.add_argument("--json", action="store_true", help="one object a line")
        if run is ls:
            command.add_argument("--limit", type=int, default=1000, help="most entries in one answer, 1 to 10000")
        if run is mv:
            command.add_argument("dest", type=wire_path)
        if run is get:
            command.add_argument("dest")
            command.add_argument("--range", type=byte_range, help="FIRST-LAST, FIRST- or =-LENGTH")
    options = parser.parse_args()
    try:
        connection = Connection(options.address, *read_key(options.keyfile))
        code = options.run(connection, options)
        connection.send(GOODBYE, 0)
        sys.exit(code)
    except (Failure, OSError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
