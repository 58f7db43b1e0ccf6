"""tuspy against the gateway: python tuspy.py ENDPOINT FILE. Prints a line for each scenario that worked.

Run by tests/it/tus_clients.rs, which checks the files afterwards.
"""

import os
import sys

from tusclient import client
from tusclient.exceptions import TusCommunicationError

endpoint, file = sys.argv[1:3]
size = os.path.getsize(file)
tus = client.TusClient(endpoint)
MEBIBYTE = 1 << 20

tus.uploader(file, metadata={"path": "py/whole.bin"}).upload()
print("whole")

first = tus.uploader(file, metadata={"path": "py/resumed.bin"}, chunk_size=MEBIBYTE)
first.upload(stop_at=size // 2)
second = tus.uploader(file, url=first.url, chunk_size=MEBIBYTE)
assert 0 < second.offset < size, second.offset
second.upload()
print("stopped and resumed")

tus.uploader(file, metadata={"path": "py/checked.bin"}, chunk_size=MEBIBYTE, upload_checksum=True).upload()
print("with checksums")

try:
    tus.uploader(file, metadata={"path": "py/whole.bin"}).upload()
    raise SystemExit("an existing file was not refused")
except TusCommunicationError as error:
    assert error.status_code == 409, error.status_code
    print("refused")
