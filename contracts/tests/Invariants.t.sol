// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {Ledger} from "../src/Ledger.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {TestDollar} from "../src/TestDollar.sol";

/// Random members doing everything there is to do, in any order; and beside it a second, naive book: at every
/// distribution, each member is credited by what they hold and by what waits for them in the ledger.
contract Handler is Fixture {
    uint256 public constant ACTORS = 6;
    uint256 private constant MAX_EPOCHS = 24;
    uint256 private constant PAYER_KEY = uint256(keccak256("payer"));

    /// What a member has earned, in units of 2^-128, by the naive book.
    mapping(address member => uint256) public earned;
    /// Shares that wait for a member in the ledger.
    mapping(address member => uint256) public waiting;
    uint256 public minted;
    uint256 public distributed;
    Ledger.Claim[][] private _epochs;
    /// Claims not made yet, as (epoch << 32 | index).
    uint256[] private _open;
    uint256 private _nonce;

    function actor(uint256 seed) public pure returns (address) {
        return member(seed % ACTORS);
    }

    function postEpoch(uint256 seed, uint8 size) external {
        if (_epochs.length == MAX_EPOCHS) return;
        uint256 n = size % 6;
        address[] memory owners = new address[](n);
        uint256[] memory amounts = new uint256[](n);
        for (uint256 i = 0; i < n; i++) {
            uint256 r = uint256(keccak256(abi.encode(seed, i)));
            owners[i] = actor(r);
            // From dust to a large part of the cap: magnitudes matter more than digits.
            amounts[i] = (r >> 16) % (uint256(1) << ((r >> 8) % 78));
        }
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        post(claims);
        Ledger.Claim[] storage kept = _epochs.push();
        for (uint256 i = 0; i < n; i++) {
            kept.push(claims[i]);
            waiting[owners[i]] += amounts[i];
            minted += amounts[i];
            _open.push(uint256(claims[i].epoch) << 32 | i);
        }
    }

    function claimShares(uint256 seed) external {
        if (_open.length == 0) return;
        claimAt(seed % _open.length);
    }

    function claimManyShares(uint256 seed) external {
        if (_epochs.length == 0) return;
        uint256 epoch = seed % _epochs.length;
        Ledger.Claim[] memory claims = _epochs[epoch];
        ledger.claimMany(claims, new bytes32[](0));
        for (uint256 i = _open.length; i > 0; i--) {
            if (_open[i - 1] >> 32 == epoch + 1) close(i - 1);
        }
    }

    function transfer(uint256 fromSeed, uint256 toSeed, uint256 amount) external {
        address from = actor(fromSeed);
        amount = bound(amount, 0, token.balanceOf(from));
        vm.prank(from);
        token.transfer(actor(toSeed), amount);
    }

    function distributeByAllowance(uint256 amount) external {
        distributeAny(amount, 0);
    }

    function distributeSigned(uint256 amount) external {
        distributeAny(amount, 1);
    }

    function distributePlain(uint256 amount) external {
        distributeAny(amount, 2);
    }

    function distributeAny(uint256 amount, uint256 way) private {
        if (token.totalSupply() < token.MIN_SUPPLY_FOR_DIVIDENDS()) return;
        amount = bound(amount, 1, uint256(1) << (amount % 80));
        uint256 before = token.accumulator();
        if (way == 2) {
            dollar.mint(address(token), amount);
            // What others pay in between is theirs, and counted once.
            distribute(amount);
            token.sync();
            distributed += amount;
        } else if (way == 1) {
            address payer = vm.addr(PAYER_KEY);
            dollar.mint(payer, amount);
            bytes32 nonce = bytes32(++_nonce);
            bytes memory s = signature(PAYER_KEY, receiveDigest(payer, address(token), amount, DEADLINE, nonce));
            token.distributeWithAuthorization(payer, amount, 0, DEADLINE, nonce, s);
        } else {
            distribute(amount);
        }
        distributed += amount;
        uint256 raised = token.accumulator() - before;
        for (uint256 i = 0; i < ACTORS; i++) {
            address a = actor(i);
            earned[a] += raised * (token.balanceOf(a) + waiting[a]);
        }
    }

    function claimDividends(uint256 seed) external {
        token.claim(actor(seed));
    }

    function passTime(uint256 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + bound(seconds_, 1, 1 days));
    }

    function settle() external {
        while (_open.length != 0) {
            claimAt(_open.length - 1);
        }
        for (uint256 i = 0; i < ACTORS; i++) {
            token.claim(actor(i));
        }
    }

    /// Dividends that wait in the ledger for a member, in units of 2^-128.
    function waitingDividends(address a) external view returns (uint256 sum) {
        uint256 accumulator = token.accumulator();
        for (uint256 i = 0; i < _open.length; i++) {
            Ledger.Claim memory c = _epochs[(_open[i] >> 32) - 1][uint32(_open[i])];
            if (c.owner == a) sum += c.amount * (accumulator - ledger.accumulatorAtPosting(c.epoch));
        }
    }

    function contracts() external view returns (ShareToken, Ledger, TestDollar) {
        return (token, ledger, dollar);
    }

    function claimAt(uint256 position) private {
        uint256 key = _open[position];
        Ledger.Claim[] memory claims = _epochs[(key >> 32) - 1];
        ledger.claim(claims[uint32(key)], proofOf(leavesOf(claims), uint32(key)));
        close(position);
    }

    function close(uint256 position) private {
        uint256 key = _open[position];
        Ledger.Claim memory c = _epochs[(key >> 32) - 1][uint32(key)];
        waiting[c.owner] -= c.amount;
        _open[position] = _open[_open.length - 1];
        _open.pop();
    }
}

contract InvariantTest is Fixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private handler;

    function setUp() public override {
        handler = new Handler();
        handler.setUp();
        (token, ledger, dollar) = handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        targets[0].selectors = new bytes4[](9);
        targets[0].selectors[0] = Handler.postEpoch.selector;
        targets[0].selectors[1] = Handler.claimShares.selector;
        targets[0].selectors[2] = Handler.claimManyShares.selector;
        targets[0].selectors[3] = Handler.transfer.selector;
        targets[0].selectors[4] = Handler.distributeByAllowance.selector;
        targets[0].selectors[5] = Handler.distributeSigned.selector;
        targets[0].selectors[6] = Handler.claimDividends.selector;
        targets[0].selectors[7] = Handler.passTime.selector;
        targets[0].selectors[8] = Handler.distributePlain.selector;
    }

    /// One campaign for all three: forge would run the same calls again for each.
    function invariant_MoneyDividendsAndSharesAreAccountedFor() public view {
        moneyIsAccountedForToTheUnit();
        nobodyGainsOrLosesByWhenTheyClaim();
        sharesAreTheSumOfWhatWasPosted();
    }

    /// paid + claimable + dust = received, and dust is at most one unit for each account, the ledger among them.
    function moneyIsAccountedForToTheUnit() private view {
        uint256 accounts = handler.ACTORS() + 1;
        uint256 claimable = token.claimable(address(ledger));
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            claimable += token.claimable(handler.actor(i));
        }
        vm.assertEq(token.dividendsReceived(), handler.distributed(), "received");
        vm.assertLe(token.dividendsPaid() + claimable, token.dividendsReceived(), "never more than was received");
        uint256 dust = token.dividendsReceived() - token.dividendsPaid() - claimable;
        vm.assertLe(dust, accounts, "dust");
        vm.assertEq(
            dollar.balanceOf(address(token)), token.dividendsReceived() - token.dividendsPaid(), "money is there"
        );
    }

    /// Early or late, often or once, with shares bought, sold or waiting: all earn what the naive book says, to the unit.
    function nobodyGainsOrLosesByWhenTheyClaim() private view {
        uint256 waiting = 0;
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            address a = handler.actor(i);
            uint256 inLedger = handler.waitingDividends(a);
            waiting += inLedger;
            vm.assertEq(
                token.dividendsPaidTo(a) + token.claimable(a), (handler.earned(a) - inLedger) >> 128, "a member's dividends"
            );
        }
        vm.assertEq(token.claimable(address(ledger)), waiting >> 128, "dividends of unclaimed shares");
    }

    function sharesAreTheSumOfWhatWasPosted() private view {
        uint256 held = 0;
        uint256 waiting = 0;
        uint256 votes = 0;
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            address a = handler.actor(i);
            held += token.balanceOf(a);
            waiting += handler.waiting(a);
            votes += token.getVotes(a);
        }
        vm.assertEq(token.totalSupply(), handler.minted(), "minted");
        vm.assertEq(token.balanceOf(address(ledger)), waiting, "unclaimed");
        vm.assertEq(held + waiting, handler.minted(), "sum");
        vm.assertEq(votes, held, "every share that is held votes, none that waits");
        uint256 unclaimed = 0;
        for (uint64 e = 1; e <= ledger.latestEpoch(); e++) {
            Ledger.Epoch memory epoch = ledger.epochOf(e);
            vm.assertLe(epoch.claimed, epoch.total, "claimed of an epoch");
            unclaimed += epoch.total - epoch.claimed;
        }
        vm.assertEq(unclaimed, waiting, "by epochs");
    }

    /// At the end of every run all is claimed: what each got is what the naive book says, and only dust is left.
    function afterInvariant() public {
        handler.settle();
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            address a = handler.actor(i);
            vm.assertEq(dollar.balanceOf(a), handler.earned(a) >> 128, "paid in the end");
        }
        vm.assertEq(token.balanceOf(address(ledger)), 0, "no shares are left");
        vm.assertEq(token.claimable(address(ledger)), 0, "no dividends are left");
        vm.assertLe(dollar.balanceOf(address(token)), handler.ACTORS() + 1, "but dust");
    }
}
