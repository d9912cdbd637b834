# Sourced by the scripts that need the peers: puts them into a virtual environment
# in cargo's target directory, or where $PEERS_VENV says, unless they are there.
readonly TARGET=${CARGO_TARGET_DIR:-target}
readonly VENV=${PEERS_VENV:-$TARGET/peers-venv}

if ! cmp --silent benches/peers/requirements.txt "$VENV/requirements.txt"; then
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement benches/peers/requirements.txt
    # Last: it says that all is there.
    cp benches/peers/requirements.txt "$VENV"
fi
