"""The table of what goes wrong with real software, waiting as long as it really takes."""

from scenarios import Scenario, client, server, to

# The proxies that these scenarios need, as proxies.PROGRAMS has them.
NGINX = """
daemon off;
user root;
pid /tmp/wssniff-nginx-failures.pid;
error_log /dev/null;
worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path /tmp/wssniff-nginx;
    proxy_temp_path /tmp/wssniff-nginx;
    fastcgi_temp_path /tmp/wssniff-nginx;
    uwsgi_temp_path /tmp/wssniff-nginx;
    scgi_temp_path /tmp/wssniff-nginx;
    limit_req_zone $binary_remote_addr zone=once:64k rate=1r/m;
    server {
        listen 127.0.0.1:8081;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
        location / { proxy_http_version 1.1; proxy_pass http://127.0.0.1:8080; }
        location /http10 { proxy_pass http://127.0.0.1:8080; }
        location /http10-gorilla { proxy_pass http://127.0.0.1:8083; }
        location /once { limit_req zone=once; limit_req_status 429; proxy_http_version 1.1; proxy_pass http://127.0.0.1:8080; }
        location /down { proxy_http_version 1.1; proxy_pass http://127.0.0.1:8099; }
        location /hanging { proxy_http_version 1.1; proxy_pass http://127.0.0.1:8088; }
        location /hangs-briefly { proxy_read_timeout 1s; proxy_http_version 1.1; proxy_pass http://127.0.0.1:8088; }
    }
}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 500ms
    timeout client 20s
    timeout server 1s
    timeout tunnel 10s
    retries 1
frontend front
    bind 127.0.0.1:8081
    use_backend down if { path_beg /down }
    use_backend hanging if { path_beg /hanging }
    default_backend works
backend works
    server ws 127.0.0.1:8080
backend hanging
    server raw 127.0.0.1:8088
backend down
    server none 127.0.0.1:8099
"""

PROGRAMS = {
    "nginx-failures": (["nginx", "-p", "/tmp", "-c", "CONF"], NGINX),
    "haproxy-tunnel": (["haproxy", "-db", "-f", "CONF"], HAPROXY),
}

SILENT = server("raw", "reply=none drain", port=8088, patience=90)
FAR = "192.0.2.129"  # behind the router
ENGINE = "/socket.io/?EIO=4&transport=websocket"


def behind(name, notes, hosts, during, play="", serving=(), **more):
    """A row whose clients are at one side of a router, and their servers, if any, at the other."""
    return Scenario(name, notes, list(serving),
                    [client("ws", play, f"/{i + 1}", host=host, local_port=45700 + i, give_up_ms=8000) for i, host in enumerate(hosts)],
                    link="router", interface="near0", filter="tcp or icmp", during=during, **more)


def route(kind, address):
    return ["ip", "route", "add", kind, address + "/32"]


FAILURES = [
    Scenario("nginx-minute", "nginx ends a quiet connection after the 60 s that are its default, both legs.", [server("ws")],
             [client("ws", "text=5 wait=1", "/quiet", port=8081)], proxies=("nginx-failures",)),
    Scenario("nginx-hanging", "A backend that takes the request and says nothing: 504 after the 60 s that are nginx's default.",
             [SILENT], [client("ws", "", "/hanging", port=8081, give_up_ms=70000)], proxies=("nginx-failures",)),
    Scenario("nginx-http10", "nginx asks two backends for an upgrade over HTTP/1.0.", [server("coder"), server("gorilla", port=8083)],
             [client("ws", "text=5 wait=1 close=1000", "/http10", port=8081),
              client("ws", "text=5 wait=1 close=1000", "/http10-gorilla", port=8081)], proxies=("nginx-failures",)),
    Scenario("nginx-refuses", "Behind nginx: 429 by its limit, 500 of the backend, 502 as it is down, 504 as it says nothing, 403 as "
             "nginx changes Host and the backend compares it with Origin.", [server("coder"), SILENT],
             [client("ws", "text=5 wait=1 close=1000", "/once", port=8081), client("ws", "close=1000", "/once", port=8081),
              client("ws", "", "/status/500", port=8081), client("ws", "", "/down", port=8081),
              client("ws", "", "/hangs-briefly", port=8081),
              client("ws", "", "/origin", port=8081, origin="http://chat.example", headers={"Host": "chat.example"})],
             proxies=("nginx-failures",)),
    Scenario("haproxy-tunnel", "HAProxy ends a quiet connection after its timeout tunnel of 10 s; 503 as a backend is down, 504 as one "
             "says nothing.", [server("ws"), SILENT],
             [client("ws", "text=5 wait=1", "/quiet", port=8081), client("ws", "", "/down", port=8081),
              client("ws", "", "/hanging", port=8081)], proxies=("haproxy-tunnel",)),
    to("killed-client", "The client is killed: FIN without a Close frame.", "text=5 wait=1 sleep=50 die", stacks=("ws", "gorilla")),
    Scenario("pings-unanswered", "A client does not answer pings; the server waits 20 s, and 20 s more, and closes with 1011.",
             [server("websockets", own_pings=True)],
             [client("raw", "request answer frame=1,hello read=1 read frame=8,x03f3", "/stuck", patience=60)]),
    Scenario("app-heartbeat", "Socket.IO: a client joins and answers no heartbeat; the server gives up after its pingTimeout.",
             [server("apps", "socket.io")],
             [client("raw", "request answer read=1 frame=1,40%7B%22name%22%3A%22Ada%22%7D read=1 read", ENGINE, patience=10)]),
    Scenario("storm", "A client whose connections are closed with 1013 comes back at once, 200 times.",
             [server("ws", "echo close=1013,try%20again%20later")], [client("again", "", "/storm", times=200, pause=0)], form="gzip"),
    Scenario("backoff", "A client is refused with 503 five times, waits each time twice as long, and not exactly, and is let in.",
             [server("coder")],
             [client("again", "text=5 wait=1 close=1000", "/chat", targets=["/status/503"] * 5 + ["/chat"], pause=700)]),
    Scenario("chromium-rejects", "A browser rejects answers: a wrong Sec-WebSocket-Accept, a subprotocol and an extension that it did "
             "not offer, and no subprotocol where it offered two.",
             [server("raw", "", plays=["reply=wrong-accept drain", "reply=subprotocol drain", "reply=extension drain",
                                       "reply=101 drain"])],
             [client("chromium", "close", "/accept"), client("chromium", "close", "/subprotocol", page_port=9001),
              client("chromium", "close", "/extension", page_port=9002),
              client("chromium", "close", "/none", page_port=9003, subprotocols=["chat.v1", "chat.v2"])],
             filter="tcp and not portrange 9000-9003", settle=1.0),
    behind("silent-drop", "A router forgets the way in both directions, and tells nobody; the client gives up after six repetitions.",
           [FAR], ((0, ["ip", "netns", "exec", "wssniff-near", "sysctl", "-qw", "net.ipv4.tcp_retries2=5"]),
                   (1.5, route("blackhole", FAR)), (1.5, route("blackhole", "192.0.2.1"))),
           "text=5 wait=1 sleep=2500 text=9 wait=2", [server("ws", host=FAR)]),
    behind("syn-dropped", "A router drops what goes to the server: the SYN is sent again and again.", [FAR], ((-1, route("blackhole", FAR)),)),
    behind("icmp-rejects", "A router answers the SYN: it is prohibited to go there, there is no such host, no such network.",
           ["192.0.2.140", "192.0.2.141", "198.51.100.1"],
           ((-1, route("prohibit", "192.0.2.140")), (-1, route("unreachable", "192.0.2.141"))), sysctl={"net.ipv4.icmp_ratelimit": "0"}),
]
