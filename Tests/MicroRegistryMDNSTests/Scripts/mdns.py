"""The other side of the mDNS tests: go-micro's roles on dnspython, an independent DNS decoder.

  mdns.py resolve INTERFACE FAMILY QUESTION TYPE [SECONDS [SOURCE]]
                                                             asks as go-micro does, prints what came
  mdns.py listen  INTERFACE FAMILY SECONDS NAME              prints the packets about a name
  mdns.py respond INTERFACE FAMILY SHAPE SERVICE             answers as a shape of go-micro's matrix
  mdns.py announce INTERFACE FAMILY SERVICE TTL              announces a node, and takes it back on a line
  mdns.py inject  ADDRESS PORT SERVICE                       tells one socket of a node
  mdns.py hostile INTERFACE FAMILY                           sends packets that are made to do harm
"""
import json, os, random, select, socket, struct, sys, time, zlib

try:
    import dns.flags, dns.message, dns.name, dns.rdataclass, dns.rdatatype, dns.rrset
except ImportError:
    sys.exit("dnspython is missing: apt install python3-dnspython, or pip install dnspython")

GROUPS = {"4": "224.0.0.251", "6": "ff02::fb"}
PORT = 5353


def address_of(interface):
    import fcntl
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe.fileno(), 0x8915, struct.pack("256s", interface.encode()[:15]))
        return socket.inet_ntoa(answer[20:24])


def group(interface, family):
    if family == "4":
        return (GROUPS["4"], PORT)
    return (GROUPS["6"], PORT, 0, socket.if_nametoindex(interface))


def open_socket(interface, family, member, source=""):
    """A socket that sends to the group over the interface, and is a member of it if asked."""
    kind = socket.AF_INET if family == "4" else socket.AF_INET6
    opened = socket.socket(kind, socket.SOCK_DGRAM)
    if family == "6":
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if member:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("" if family == "4" else "::", PORT))
    else:
        opened.bind((source if family == "4" else "::", 0))
    if family == "4":
        local = socket.inet_aton(address_of(interface))
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, local)
        if member:
            request = socket.inet_aton(GROUPS["4"]) + local
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    else:
        index = socket.if_nametoindex(interface)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        if member:
            request = socket.inet_pton(socket.AF_INET6, GROUPS["6"]) + struct.pack("@I", index)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    return opened


def packets(sockets, seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for ready in select.select(sockets, [], [], left)[0]:
            yield ready, *ready.recvfrom(65536)


def say(value):
    print(json.dumps(value), flush=True)


def text_of(rdata):
    return json.loads(zlib.decompress(bytes.fromhex(b"".join(rdata.strings).decode())))


def record_of(name, ttl, rdata):
    kind = dns.rdatatype.to_text(rdata.rdtype)
    value = {"name": name.to_text(), "type": kind, "ttl": ttl, "class": int(rdata.rdclass)}
    if kind == "TXT":
        value["strings"] = [len(part) for part in rdata.strings]
        value["data"] = text_of(rdata) if any(rdata.strings) else None
    else:
        value["data"] = rdata.to_text()
    return value


def section(rrsets):
    return [record_of(rrset.name, rrset.ttl, rdata) for rrset in rrsets for rdata in rrset]


def describe(data, sender):
    message = dns.message.from_wire(data, one_rr_per_rrset=True, continue_on_error=True)
    answers = section(message.answer)
    for error in message.errors:
        # go-micro sends texts without a string in its list of services; dnspython takes that ill.
        if "list of strings must not be empty" not in str(error.exception):
            raise error.exception
        owner = next(record for record in answers if record["type"] == "SRV")
        answers.append({**owner, "type": "TXT", "strings": [], "data": None})
    return {
        "id": message.id, "flags": message.flags, "port": sender[1], "size": len(data),
        "questions": [[q.name.to_text(), dns.rdatatype.to_text(q.rdtype)] for q in message.question],
        "answers": answers, "authorities": section(message.authority),
        "additionals": section(message.additional),
    }


def go_entry(reply, asked):
    """What go-micro's resolver makes of a reply: one node, or nothing."""
    if not reply["questions"] or reply["questions"][0][0] != asked:
        return None
    entries, entry = {}, None
    for record in reply["answers"] + reply["additionals"]:
        kind = record["type"]
        if kind == "PTR":
            entry = entries.setdefault(record["data"], {"name": record["data"]})
        elif kind == "SRV":
            entry = entries.setdefault(record["name"], {"name": record["name"]})
            _, _, port, target = record["data"].split()
            entry["port"] = int(port)
            entries[target] = entry
        elif kind in ("A", "AAAA"):
            if record["name"] not in entries:
                continue
            entry = entries[record["name"]]
            entry[kind] = record["data"]
        elif kind == "TXT":
            entry = entries.setdefault(record["name"], {"name": record["name"]})
            entry["text"] = record["data"]
            entry["has_text"] = True
        else:
            continue
        entry["ttl"] = record["ttl"]
    if not entry or not entry.get("ttl") or not entry.get("port") or not entry.get("has_text"):
        return None
    return entry if "A" in entry or "AAAA" in entry else None


def resolve(interface, family, question, kind, seconds="1", source=""):
    asker = open_socket(interface, family, False, source)
    query = dns.message.make_query(question, kind, flags=0)
    asker.sendto(query.to_wire(), group(interface, family))
    for _, data, sender in packets([asker], float(seconds)):
        reply = describe(data, sender)
        reply["entry"] = go_entry(reply, question)
        say(reply)


def listen(interface, family, seconds, name):
    listener = open_socket(interface, family, True)
    say("ready")
    start = time.monotonic()
    for _, data, sender in packets([listener], float(seconds)):
        try:
            packet = describe(data, sender)
        except Exception as error:
            say({"error": repr(error), "bytes": data.hex()})
            continue
        if name in json.dumps(packet):
            packet["time"] = time.monotonic() - start
            say(packet)


def text_strings(service, version="1.2.3", size=255, keys=("Service", "Version", "Endpoints", "Metadata")):
    values = (service, version, None, {"protocol": "grpc"})
    digits = zlib.compress(json.dumps(dict(zip(keys, values))).encode()).hex()
    return " ".join('"%s"' % digits[i : i + size] for i in range(0, len(digits), size))


class Node:
    """The records of a node."""

    def __init__(self, service, number, family, ttl=120, **text):
        host = "127.0.0.1" if family == "4" else "fd00::99"
        self.instance = f"{service}-{number}.{service}.micro."
        make = dns.rrset.from_text
        self.ptr = make(f"{service}.micro.", ttl, "IN", "PTR", self.instance)
        self.srv = make(self.instance, ttl, "IN", "SRV", f"10 1 {9000 + number} peer{number}.")
        self.address = make(f"peer{number}.", ttl, "IN", "A" if family == "4" else "AAAA", host)
        self.txt = make(self.instance, ttl, "IN", "TXT", text_strings(service, **text))

    def all(self):
        return [self.ptr, self.srv, self.address, self.txt]


def reply_to(query, records, echo=True, extra=()):
    reply = dns.message.Message(id=0)
    reply.flags = dns.flags.QR | dns.flags.AA
    reply.question = list(query.question) if echo else []
    reply.answer = records
    reply.additional = list(extra)
    return reply


def replies(shape, query, service, family):
    one, two = Node(service, 1, family), Node(service, 2, family)
    if shape == "normal":
        return [reply_to(query, one.all())]
    if shape == "duplicates":
        return [reply_to(query, one.all())] * 3
    if shape == "two-messages":
        return [reply_to(query, one.all()), reply_to(query, two.all())]
    if shape == "two-in-one":
        return [reply_to(query, one.all() + two.all())]
    if shape == "no-question":
        return [reply_to(query, one.all(), echo=False)]
    if shape == "address-first":
        return [reply_to(query, [one.ptr, one.address, one.srv, one.txt])]
    if shape == "additional":
        return [reply_to(query, [one.ptr], extra=[one.srv, one.address, one.txt])]
    if shape == "truncated-flag":
        reply = reply_to(query, one.all())
        reply.flags |= dns.flags.TC
        return [reply]
    if shape == "lower-case":
        odd = Node(service, 1, family, size=100, keys=("service", "version", "endpoints", "metadata"))
        return [reply_to(query, odd.all())]
    if shape == "gone":
        return [reply_to(query, Node(service, 1, family, ttl=0).all())]
    if shape == "other-service":
        other = Node(service, 1, family)
        other.txt = dns.rrset.from_text(other.instance, 120, "IN", "TXT", text_strings("another"))
        return [reply_to(query, other.all())]
    if shape == "multicast":
        return [reply_to(query, one.all())]
    raise SystemExit(f"unknown shape {shape}")


def respond(interface, family, shape, service):
    listener = open_socket(interface, family, True)
    say("ready")
    for _, data, sender in packets([listener], 60):
        try:
            query = dns.message.from_wire(data)
        except Exception:
            continue
        if query.flags & dns.flags.QR or not query.question:
            continue
        if query.question[0].name.to_text() != f"{service}.micro.":
            continue
        goal = group(interface, family) if shape == "multicast" else sender
        for reply in replies(shape, query, service, family):
            listener.sendto(reply.to_wire(), goal)


def announce(interface, family, service, ttl):
    sender = open_socket(interface, family, True)

    def send(node):
        message = dns.message.Message(id=0)
        message.flags = dns.flags.QR
        message.answer = node.all()[1:]
        sender.sendto(message.to_wire(), group(interface, family))

    send(Node(service, 1, family, ttl=int(ttl)))
    say("ready")
    if sys.stdin.readline():
        send(Node(service, 1, family, ttl=0))
        say("gone")


def inject(address, port, service):
    message = dns.message.Message(id=0)
    message.flags = dns.flags.QR
    message.answer = Node(service, 1, "4").all()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message.to_wire(), (address, int(port)))
    say("done")


def hostile(interface, family):
    sender = open_socket(interface, family, False)
    random.seed(5353)
    header = bytes([0, 0, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    goal = group(interface, family)
    bomb = zlib.compress(b" " * (16 << 20)).hex()
    node = Node("hostile", 1, family)
    parts = " ".join('"%s"' % bomb[i : i + 255] for i in range(0, len(bomb), 255))
    node.txt = dns.rrset.from_text(node.instance, 120, "IN", "TXT", parts)
    message = dns.message.Message(id=0)
    message.flags = dns.flags.QR
    message.answer = node.all()
    chosen = [
        b"", b"\0", header, header + b"\xc0\x0c\0\x0c\0\1", header[:4] + b"\xff" * 8,
        header + b"\x3f" + b"a" * 10, message.to_wire(),
        Node("hostile", 2, family).txt.to_text().encode()[:1400],
    ]
    for packet in chosen:
        sender.sendto(packet, goal)
    for _ in range(200):
        sender.sendto(random.randbytes(random.randrange(1, 1200)), goal)
    say("done")


if __name__ == "__main__":
    roles = {f.__name__: f for f in (resolve, listen, respond, announce, inject, hostile)}
    roles[sys.argv[1]](*sys.argv[2:])
